import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { boards } from '../../scripts/grafana/boards.ts'
import { dashboardOf, expressionOf } from '../../scripts/grafana/dashboard.ts'
import { observeService } from '../support/system/observed-service.ts'
import { root } from '../support/system/processes.ts'
import { waitFor } from '../support/wait-for.ts'

test('every expression of the boards gets a series from a Prometheus that scraped the service under load', async (t: TestContext) => {
  const service = await observeService(t)
  await service.playRound()
  const open = boards.flatMap(({ panels }) =>
    panels.flatMap(({ queries }) => queries.map(({ expr }) => expressionOf(expr))),
  )
  t.assert.ok(open.length > 60)
  const missing = new Set(open)
  await waitFor(
    'a series for each expression',
    async () => {
      for (const expr of missing) if ((await service.query(expr)).length > 0) missing.delete(expr)
      return missing.size === 0
    },
    { explain: () => [...missing].join('\n') },
  )
  await t.assert.rejects(service.query('sum(rate(image_mcp_tool_calls_total[5m])'), /parse error/)
})

test('the boards in deploy/grafana are those that scripts/grafana describes', async (t: TestContext) => {
  for (const board of boards) {
    const text = await readFile(join(root, 'deploy/grafana', `${board.name}.json`), 'utf8')
    t.assert.equal(text, dashboardOf(board), `run npm run docs: ${board.name}`)
  }
})
