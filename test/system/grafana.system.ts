import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { colorsOf } from '../../scripts/grafana/board.ts'
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

test('each series is on a board or in an alert', async (t: TestContext) => {
  const read = (path: string) => readFile(join(root, path), 'utf8')
  const shown = JSON.stringify(boards) + (await read('deploy/prometheus/alerts.yml'))
  const series = [...(await read('docs/metrics.md')).matchAll(/^\| `(image_mcp_\w+)`/gm)].map(([, name = '']) => name)
  t.assert.ok(series.length > 40)
  t.assert.deepEqual(
    series.filter((name) => !shown.includes(name)),
    [],
  )
})

test('every series is that of the chosen service, because others have some of the same names', async (t: TestContext) => {
  const selectors = boards.flatMap(({ panels }) =>
    panels.flatMap(({ queries }) => queries.flatMap(({ expr }) => expr.match(/\{[^{}]*=[^{}]*\}/g) ?? [])),
  )
  t.assert.ok(selectors.length > 60)
  for (const selector of selectors) t.assert.match(selector, /job=~"\$job"/)
  for (const { panels } of boards) {
    for (const { queries } of panels) {
      for (const { expr } of queries)
        t.assert.doesNotMatch(expr.replaceAll(/"[^"]*"/g, ''), /\b(?:image_mcp|process|nodejs|up|ALERTS)\w*(?![\w{])/)
    }
  }
})

test('numbers have colours of their own, their value of now, and fill their row', async (t: TestContext) => {
  for (const board of boards) {
    const { panels } = JSON.parse(dashboardOf(board))
    const numbers = panels.filter(({ type }: { type: string }) => type === 'stat')
    t.assert.equal(numbers.reduce((sum: number, { gridPos }: { gridPos: { w: number } }) => sum + gridPos.w, 0) % 24, 0)
    for (const { title, fieldConfig, targets } of numbers) {
      t.assert.equal(fieldConfig.defaults.thresholds.steps[0].value, null, title)
      for (const { instant, range } of targets) t.assert.deepEqual([instant, range], [true, false], title)
    }
  }
  t.assert.deepEqual(
    [{}, { orange: 1, red: 3 }, { orange: 90, red: 30 }, { red: 1 }].map((levels) =>
      colorsOf({ title: '', about: '', unit: 'short', queries: [], levels }).map(
        ({ from, color }) => `${from} ${color}`,
      ),
    ),
    [
      ['null text'],
      ['null green', '1 orange', '3 red'],
      ['null red', '30 orange', '90 green'],
      ['null green', '1 red'],
    ],
  )
})

test('the boards in deploy/grafana are those that scripts/grafana describes', async (t: TestContext) => {
  for (const board of boards) {
    const text = await readFile(join(root, 'deploy/grafana', `${board.name}.json`), 'utf8')
    t.assert.equal(text, dashboardOf(board), `run npm run docs: ${board.name}`)
  }
})
