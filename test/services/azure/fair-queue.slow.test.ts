import { describe, type TestContext, test } from 'node:test'
import { type Entry, FairQueue } from '../../../services/azure/fair-queue.ts'
import { createRateLimiter } from '../../../services/azure/rate-limiter.ts'

interface Call extends Entry {
  name: string
}

/** A queue with the calls of each letter, in order: `aab` is two calls of a, then one of b. */
function queueOf(letters: string) {
  const queue = new FairQueue<Call>()
  const calls = [...letters].map((caller, order) => ({ caller, order, name: `${caller}${order}` }))
  for (const call of calls) queue.add(call, false)
  return { queue, calls }
}

function takeAll(queue: FairQueue<Call>): Call[] {
  const taken: Call[] = []
  for (let call = queue.take(); call !== undefined; call = queue.take()) taken.push(call)
  return taken
}

const names = (calls: readonly Call[]) => calls.map(({ name }) => name).join(' ')

describe('turns', () => {
  test('callers take turns, and the calls of one caller go in order', (t: TestContext) => {
    t.assert.equal(names(takeAll(queueOf('aaabbc').queue)), 'a0 b3 c5 a1 b4 a2')
  })

  test('a caller with 10 calls behind 290 of two others has its last turn after 30', (t: TestContext) => {
    const { queue } = queueOf(`${'b'.repeat(200)}${'c'.repeat(90)}${'a'.repeat(10)}`)
    const last = takeAll(queue).findLastIndex(({ caller }) => caller === 'a')
    t.assert.equal(last, 29)
  })

  test('a caller that comes later waits for one turn of each other caller', (t: TestContext) => {
    const { queue } = queueOf('aaabbb')
    queue.take()
    queue.add({ caller: 'late', order: 9, name: 'late' }, false)
    t.assert.equal(names(takeAll(queue)), 'b3 a1 late b4 a2 b5')
  })

  test('a call whose turn was in vain goes first, the oldest of them before the others', (t: TestContext) => {
    const { queue, calls } = queueOf('aabb')
    const [first, second] = [queue.take(), queue.take()]
    t.assert.ok(first !== undefined && second !== undefined)
    queue.add(second, true)
    queue.add(first, true)
    t.assert.equal(
      names(takeAll(queue)),
      names([calls[0], calls[2], calls[1], calls[3]].filter((call) => call !== undefined)),
    )
  })

  test('a call that is removed takes no turn', (t: TestContext) => {
    const { queue, calls } = queueOf('abb')
    t.assert.deepEqual(
      calls.slice(0, 2).map((call) => queue.remove(call)),
      [true, true],
    )
    t.assert.equal(queue.length, 1)
    t.assert.equal(names(takeAll(queue)), 'b2')
    t.assert.equal(queue.length, 0)
    t.assert.equal(queue.callerCount, 0)
  })

  test('every waiting call has exactly as many turns before it as are reported', (t: TestContext) => {
    for (const letters of ['aaaa', 'abcabc', 'aaaabbc', 'cbaaaabbbbbcc', 'abbcccdddd']) {
      const { queue, calls } = queueOf(letters)
      const again = queue.take()
      t.assert.ok(again)
      queue.add(again, true)
      const reported = calls.map((call) => queue.turnsBefore(call.caller, call))
      const taken = takeAll(queue)
      t.assert.deepEqual(
        reported,
        calls.map((call) => taken.indexOf(call)),
        letters,
      )
    }
  })

  test('a further call has as many turns before it as are reported', (t: TestContext) => {
    for (const caller of ['a', 'b', 'new']) {
      const { queue } = queueOf('aaaabbc')
      const reported = queue.turnsBefore(caller)
      const call = { caller, order: 99, name: 'further' }
      queue.add(call, false)
      t.assert.equal(takeAll(queue).indexOf(call), reported, caller)
    }
  })
})

describe('the limiter', () => {
  const ticket = (caller: string, onQueued?: (remainingMs: () => number) => void) => {
    const deadlineAt = performance.now() + 100_000
    return { caller, signal: AbortSignal.timeout(20_000), deadlineAt, waitUntil: deadlineAt, onQueued }
  }

  test('starts the calls of callers in turn', async (t: TestContext) => {
    const limiter = createRateLimiter({ requestsPerMinute: 1_000, minuteMs: 5_000, maxWaiting: 100 })
    const started: string[] = []
    const call = async (caller: string) => {
      await limiter.acquire(ticket(caller))
      started.push(caller)
      limiter.release({ 'x-ratelimit-limit-requests': '1000' }, false)
    }
    await Promise.all(['much', 'much', 'much', 'much', 'little', 'little'].map(call))
    t.assert.deepEqual(started, ['much', 'much', 'little', 'much', 'little', 'much'])
  })

  test('without a queue, a call that can start at once starts, and a further one is rejected', async (t: TestContext) => {
    const limiter = createRateLimiter({ requestsPerMinute: 60, maxWaiting: 0 })
    await limiter.acquire(ticket('ann'))
    t.assert.throws(() => limiter.acquire(ticket('ann')), { code: 'IMG_ERR_AZURE_BUSY' })
  })

  test('estimates the wait of a caller by its own turns', async (t: TestContext) => {
    const limiter = createRateLimiter({ requestsPerMinute: 60, maxWaiting: 1_000 })
    t.assert.equal(limiter.estimateMs(), 0)
    await limiter.acquire(ticket('much'))
    const aborted = new AbortController()
    const waiting = Array.from({ length: 90 }, () =>
      Promise.resolve(limiter.acquire({ ...ticket('much'), signal: aborted.signal })).catch(() => {}),
    )
    const inTurns = (ms: number) => Math.round(ms / 1_050)
    t.assert.equal(inTurns(limiter.estimateMs('much')), 91)
    t.assert.equal(inTurns(limiter.estimateMs('little')), 2)
    t.assert.equal(inTurns(limiter.estimateMs()), 2)
    aborted.abort()
    await Promise.all(waiting)
    t.assert.equal(inTurns(limiter.estimateMs('much')), 1)
  })

  test('tells a waiting call its expected wait, which shrinks', async (t: TestContext) => {
    const limiter = createRateLimiter({ requestsPerMinute: 60, maxWaiting: 10 })
    await limiter.acquire(ticket('a'))
    const waits: number[] = []
    let remainingMs = () => 0
    const calls = ['first', 'second'].map((caller) =>
      limiter.acquire(
        ticket(caller, (remaining) => {
          remainingMs = remaining
          waits.push(remaining())
        }),
      ),
    )
    await calls[0]
    waits.push(remainingMs())
    await calls[1]
    const [first = 0, second = 0, shrunk = 0] = waits
    t.assert.ok(first > 0 && first <= 1_050, `${first}`)
    t.assert.ok(second > 1_050 && second <= 2_100, `${second}`)
    t.assert.ok(shrunk <= 1_050, `${shrunk}`)
  })

  test('no call is rejected because another caller has many waiting', async (t: TestContext) => {
    const limiter = createRateLimiter({ requestsPerMinute: 600, maxWaiting: 1_000 })
    await limiter.acquire(ticket('much'))
    const aborted = new AbortController()
    const waiting = Array.from({ length: 90 }, () =>
      Promise.resolve(limiter.acquire({ ...ticket('much'), signal: aborted.signal })).catch(() => {}),
    )
    const short = { ...ticket('much'), waitUntil: performance.now() + 2_000 }
    t.assert.throws(() => limiter.acquire(short), { code: 'IMG_ERR_AZURE_BUSY' })
    await limiter.acquire({ ...ticket('little'), waitUntil: performance.now() + 2_000 })
    aborted.abort()
    await Promise.all(waiting)
  })
})
