import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { observeService } from '../test/support/system/observed-service.ts'
import { boards } from './grafana/boards.ts'
import { expressionOf } from './grafana/dashboard.ts'
import { drawBoard } from './grafana/draw-board.ts'

/**
 * `npm run boards`: draws Grafana's boards for the documentation, with what a real Prometheus scraped from the service under
 * a load of 90 s. Takes two minutes; needs the programs of scripts/install-test-packages.sh.
 */

const LOAD_MS = 90_000

// A test, because the service and Prometheus are started by helpers of tests, which also stop them.
test('draws the boards', { timeout: 180_000 }, async (t) => {
  const service = await observeService(t)
  const end = performance.now() + LOAD_MS
  while (performance.now() < end) await service.playRound()
  for (const board of boards) {
    const image = await drawBoard(board, (expr) => service.queryRange(expressionOf(expr), LOAD_MS / 1000))
    await writeFile(`docs/images/board-${board.name}.png`, image)
  }
})
