import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createCircuitBreaker } from '../../../services/azure/circuit-breaker.ts'
import { createRateLimiter } from '../../../services/azure/rate-limiter.ts'
import {
  afterBody,
  callContext,
  clientOf,
  deploymentOf,
  failureOf,
  fakeAzure,
  imageResult,
  responding,
} from '../../support/fake-azure.ts'
import { waitFor } from '../../support/wait-for.ts'

const DAY = 24 * 60 * 60_000

/** Sets the wall clock of this process without affecting timers, as an operator or NTP does. */
function wallClock(t: TestContext): (byMs: number) => void {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  return (byMs) => t.mock.timers.setTime(Date.now() + byMs)
}

for (const [name, jump] of [
  ['forward', DAY],
  ['back', -DAY],
] as const) {
  describe(`a wall clock that jumps a day ${name}`, () => {
    test('ends no running call', async (t: TestContext) => {
      const jumpBy = wallClock(t)
      const azure = await fakeAzure(
        t,
        afterBody(async (response) => {
          jumpBy(jump)
          await wait(50)
          response.end(JSON.stringify(imageResult))
        }),
      )
      const response = await clientOf(t, [deploymentOf(azure.url)]).generate({ prompt: 'A boat' }, callContext())
      t.assert.equal(response.images.length, 1)
    })

    test('does not delay queued calls', async (t: TestContext) => {
      const jumpBy = wallClock(t)
      const azure = await fakeAzure(t, responding(200, imageResult))
      const deployment = deploymentOf(azure.url, 'gpt-image-2', { requestsPerMinute: 600 })
      const images = clientOf(t, [deployment])
      const calls = Array.from({ length: 4 }, () => images.generate({ prompt: 'A boat' }, callContext()))
      jumpBy(jump)
      calls.push(images.generate({ prompt: 'A boat' }, callContext()))
      t.assert.equal((await Promise.all(calls)).length, 5)
    })

    test('does not move the deadline', async (t: TestContext) => {
      const jumpBy = wallClock(t)
      const azure = await fakeAzure(
        t,
        afterBody(() => jumpBy(jump)),
      )
      const startedAt = performance.now()
      const call = clientOf(t, [deploymentOf(azure.url)]).generate(
        { prompt: 'A boat' },
        callContext({ deadlineAt: startedAt + 400 }),
      )
      t.assert.equal((await failureOf(t, call)).code, 'IMG_ERR_AZURE_TIMEOUT')
      // Timers count whole milliseconds, the clock does not.
      t.assert.ok(performance.now() - startedAt >= 398)
    })

    test('neither ends nor extends a pause', async (t: TestContext) => {
      const jumpBy = wallClock(t)
      const limiter = createRateLimiter({ maxWaiting: 2, requestsPerMinute: 6_000 })
      limiter.pause(20_000)
      jumpBy(jump)
      const leftMs = limiter.pausedMs()
      t.assert.ok(leftMs > 10_000 && leftMs <= 20_000, `${leftMs} ms`)
    })

    test('neither ends nor extends an account block', async (t: TestContext) => {
      const jumpBy = wallClock(t)
      const breaker = createCircuitBreaker(100)
      const long = createCircuitBreaker(60_000)
      breaker.trip()
      long.trip()
      jumpBy(jump)
      t.assert.equal(long.isOpen, true)
      await waitFor('the breaker to close', () => !breaker.isOpen)
      breaker.check()
    })

    test('does not change a retry-after that is a date', async (t: TestContext) => {
      const jumpBy = wallClock(t)
      const azure = await fakeAzure(
        t,
        afterBody((response) => {
          const at = Date.now()
          jumpBy(jump)
          const headers = { date: new Date(at).toUTCString(), 'retry-after': new Date(at + 60_000).toUTCString() }
          response.writeHead(429, headers).end(JSON.stringify({ error: { code: '429' } }))
        }),
      )
      const images = clientOf(t, [deploymentOf(azure.url)])
      const error = await failureOf(
        t,
        images.generate({ prompt: 'A boat' }, callContext({ deadlineAt: performance.now() + 5_000 })),
      )
      t.assert.equal(error.retryAfterMs, 60_000)
    })
  })
}
