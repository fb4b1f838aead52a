import { describe, type TestContext, test } from 'node:test'
import { addressCaller } from '../../../services/auth/authenticator.ts'
import { createCallLimits } from '../../../services/limits/call-limits.ts'
import { createCallerLimiter } from '../../../services/limits/caller-limiter.ts'
import { MemoryLimiter } from '../../../services/limits/memory-limiter.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

describe('limits of calls', () => {
  const build = (options: { callsPerMinute?: number; imagesPerDay?: number }) => {
    const world = { monotonic: 0, wall: 10 * DAY + 3 * 60 * MINUTE }
    const limits = createCallLimits({
      callsPerMinute: 0,
      imagesPerDay: 0,
      ...options,
      createLimiter: (limit) => createCallerLimiter(new MemoryLimiter(limit, () => world.monotonic)),
      now: () => world.wall,
    })
    return { world, limits }
  }

  test('do not exist by default', async (t: TestContext) => {
    const { limits } = build({})
    for (let n = 0; n < 100; n++) t.assert.equal((await limits.take('a', 'tool', 10)).rejection, undefined)
  })

  test('count by caller and tool', async (t: TestContext) => {
    const { limits, world } = build({ callsPerMinute: 1 })
    t.assert.equal((await limits.take('a', 'one', 1)).rejection, undefined)
    t.assert.deepEqual((await limits.take('a', 'one', 1)).rejection, { limit: 'calls', retryAfterMs: MINUTE })
    t.assert.equal((await limits.take('a', 'two', 1)).rejection, undefined)
    t.assert.equal((await limits.take('b', 'one', 1)).rejection, undefined)
    world.monotonic = MINUTE
    t.assert.equal((await limits.take('a', 'one', 1)).rejection, undefined)
  })

  test('count n images as n units, and nothing for a rejected call', async (t: TestContext) => {
    const { limits, world } = build({ imagesPerDay: 5 })
    t.assert.equal((await limits.take('a', 'tool', 4)).rejection, undefined)
    t.assert.deepEqual((await limits.take('a', 'tool', 2)).rejection, {
      limit: 'images',
      retryAfterMs: 21 * 60 * MINUTE,
    })
    t.assert.equal((await limits.take('a', 'tool', 1)).rejection, undefined)
    t.assert.equal((await limits.take('a', 'tool', 1)).rejection?.limit, 'images')
    world.wall += DAY
    t.assert.equal((await limits.take('a', 'tool', 5)).rejection, undefined)
  })

  test('refund images that were not generated, to the day from which they were taken', async (t: TestContext) => {
    const { limits, world } = build({ imagesPerDay: 2 })
    const { refund } = await limits.take('a', 'tool', 2)
    await refund()
    const late = await limits.take('a', 'tool', 2)
    t.assert.equal(late.rejection, undefined)
    world.wall += DAY
    t.assert.equal((await limits.take('a', 'tool', 2)).rejection, undefined)
    await late.refund()
    t.assert.equal((await limits.take('a', 'tool', 1)).rejection?.limit, 'images')
  })

  for (const [name, jump] of [
    ['forward', DAY],
    ['back', -DAY],
  ] as const) {
    test(`survive a wall clock that jumps a day ${name}, which can only make it a different day`, async (t: TestContext) => {
      const { limits, world } = build({ callsPerMinute: 3, imagesPerDay: 1 })
      const limitNow = async () => (await limits.take('a', 'tool', 1)).rejection?.limit
      t.assert.equal(await limitNow(), undefined)
      world.wall += jump
      t.assert.equal(await limitNow(), undefined)
      t.assert.equal(await limitNow(), 'images')
      world.wall -= jump
      t.assert.equal(await limitNow(), 'calls')
      world.monotonic = MINUTE
      t.assert.equal(await limitNow(), 'images')
    })
  }

  test('count all addresses of one IPv6 network as one caller, and an IPv4 address as itself', async (t: TestContext) => {
    const { limits } = build({ imagesPerDay: 1 })
    const isRejected = async (address: string) =>
      (await limits.take(addressCaller(address).rateLimitKey, 'tool', 1)).rejection !== undefined
    t.assert.equal(await isRejected('2001:db8:0:1::1'), false)
    t.assert.equal(await isRejected('2001:db8::1:ffff:0:0:9'), true)
    t.assert.equal(await isRejected('2001:db8:0:2::1'), false)
    t.assert.equal(await isRejected('10.0.0.1'), false)
    t.assert.equal(await isRejected('::ffff:10.0.0.1'), true)
    t.assert.equal(await isRejected('10.0.0.2'), false)
  })
})
