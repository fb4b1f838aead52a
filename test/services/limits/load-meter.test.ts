import { type TestContext, test } from 'node:test'
import { createLoadMeter } from '../../../services/limits/load-meter.ts'

/** Within one turn of the event loop, so that no delay is measured. */
function isHighAfter(t: TestContext, busyMs: number, maxEventLoopDelayMs: number): boolean {
  const meter = createLoadMeter({ maxEventLoopDelayMs })
  t.after(() => meter.close())
  meter.sample()
  for (const end = performance.now() + busyMs; performance.now() < end; );
  meter.sample()
  return meter.isHigh
}

test('a turn of the event loop that is not over yet counts with the time that it has taken', (t: TestContext) => {
  t.assert.strictEqual(isHighAfter(t, 50, 10), true)
  t.assert.strictEqual(isHighAfter(t, 50, 600_000), false)
})
