import { type TestContext, test } from 'node:test'
import { createOutbox } from '../../../services/mcp/outbox.ts'
import { createSubscriptions } from '../../../services/mcp/subscriptions.ts'

const caller = (id: string) => ({ id, rateLimitKey: id, isAnonymous: false })
const limits = { maxOpen: 3, maxOfCaller: 2, maxMs: 60_000, collectMs: 5 }
const never = new AbortController().signal

test('a caller and all of them together have a limited number, which disconnecting returns', async (t: TestContext) => {
  let rejected = 0
  const open = createSubscriptions({ ...limits, onRejected: () => rejected++ })
  const first = new AbortController()
  const running = open.run(caller('ann'), first.signal, () => {})
  void open.run(caller('ann'), never, () => {})
  await t.assert.rejects(
    open.run(caller('ann'), never, () => {}),
    { statusCode: 429, retryAfterMs: 60_000 },
  )
  void open.run(caller('bob'), never, () => {})
  await t.assert.rejects(
    open.run(caller('cat'), never, () => {}),
    { statusCode: 503 },
  )
  t.assert.strictEqual(rejected, 2)
  first.abort()
  await running
  void open.run(caller('cat'), never, () => {})
  t.assert.strictEqual(open.count, 3)
})

test('a subscription ends when its time is over, and its signal fires', async (t: TestContext) => {
  const open = createSubscriptions({ ...limits, maxMs: 10 })
  let ended: AbortSignal | undefined
  await open.run(caller('ann'), never, (signal) => {
    ended = signal
  })
  t.assert.strictEqual(ended?.aborted, true)
  t.assert.strictEqual(open.count, 0)
})

test('closing ends all, and every later one at once', async (t: TestContext) => {
  const open = createSubscriptions(limits)
  const running = open.run(caller('ann'), never, () => {})
  open.close()
  await running
  await open.run(caller('ann'), never, () => {})
  t.assert.strictEqual(open.count, 0)
})

test('a subscription that fails to begin is not counted', async (t: TestContext) => {
  const open = createSubscriptions(limits)
  const fail = () => {
    throw new Error('no')
  }
  await t.assert.rejects(open.run(caller('ann'), never, fail), /no/)
  t.assert.strictEqual(open.count, 0)
})

test('what is added under one key while the reader is slow is sent once, with what it is then', async (t: TestContext) => {
  const sent: string[] = []
  const slow = Promise.withResolvers<void>()
  const idle = Promise.withResolvers<void>()
  const failures: unknown[] = []
  const outbox = createOutbox(1, never, (error) => failures.push(error))
  const beginning = Promise.withResolvers<void>()
  outbox.add('a', async () => {
    sent.push('a1')
    beginning.resolve()
    await slow.promise
  })
  await beginning.promise
  for (let count = 2; count < 100; count++) outbox.add('a', async () => sent.push(`a${count}`))
  outbox.add('b', async () => {
    throw new Error('one failure stops nothing')
  })
  outbox.add('c', async () => {
    sent.push('c')
    idle.resolve()
  })
  slow.resolve()
  await idle.promise
  t.assert.deepStrictEqual(sent, ['a1', 'a99', 'c'])
  t.assert.strictEqual(failures.length, 1)
})

test('nothing is sent after the end', async (t: TestContext) => {
  const end = new AbortController()
  const outbox = createOutbox(1, end.signal, () => {})
  const sent: string[] = []
  const first = Promise.withResolvers<void>()
  outbox.add('a', async () => {
    sent.push('a')
    end.abort()
    first.resolve()
  })
  outbox.add('b', async () => sent.push('b'))
  await first.promise
  outbox.add('c', async () => sent.push('c'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.assert.deepStrictEqual(sent, ['a'])
})
