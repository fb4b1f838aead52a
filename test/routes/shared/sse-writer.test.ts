import { type TestContext, test } from 'node:test'
import { createEventStream } from '../../../routes/shared/sse-writer.ts'

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

test('a notification is taken when the stream has been read so far', async (t: TestContext) => {
  const stream = createEventStream(60_000, () => {})
  let isTaken = false
  const taken = stream.notify(Buffer.from('{"first":1}')).then(() => (isTaken = true))
  const reading = stream.readable[Symbol.asyncIterator]()
  t.assert.strictEqual(isTaken, false)
  t.assert.match(String((await reading.next()).value), /"first":1/)
  await taken
})

test('who waits for a notification is released when the client disconnects, and when it is dropped', async () => {
  const stream = createEventStream(60_000, () => {})
  const first = Array.from({ length: 33 }, (_, at) => stream.notify(Buffer.from(`${at}`.repeat(20_000))))
  await first[0]
  await stream.readable[Symbol.asyncIterator]().next()
  stream.readable.destroy()
  await Promise.all(first)
})
