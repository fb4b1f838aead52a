import { type TestContext, test } from 'node:test'
import { createEventStream } from '../../../routes/rpc/sse-writer.ts'

test('a stream that is never read leaves no timer', (t: TestContext) => {
  const started = t.mock.method(globalThis, 'setInterval')
  const stopped = t.mock.method(globalThis, 'clearInterval')
  const stream = createEventStream(60_000, () => {})
  stream.open()
  stream.finish()
  stream.open()
  const timers = started.mock.calls.map(({ result }) => result)
  t.assert.strictEqual(timers.length, 1)
  t.assert.strictEqual(stopped.mock.calls.at(-1)?.arguments[0], timers[0])
})
