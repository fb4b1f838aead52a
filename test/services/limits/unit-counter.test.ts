import { describe, type TestContext, test } from 'node:test'
import { createCallLimits } from '../../../services/limits/call-limits.ts'
import { createMemoryCounter } from '../../../services/limits/unit-counter.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

describe('a counter in memory', () => {
  test('begins a window with its first unit and anew when it is over', async (t: TestContext) => {
    let now = 0
    const counter = createMemoryCounter(() => now)
    t.assert.deepEqual(await counter.add('a', 2, 100), { units: 2, resetMs: 100 })
    now = 60
    t.assert.deepEqual(await counter.add('a', 1, 100), { units: 3, resetMs: 40 })
    t.assert.deepEqual(await counter.add('b', 1, 100), { units: 1, resetMs: 100 })
    now = 100
    t.assert.deepEqual(await counter.add('a', 1, 100), { units: 1, resetMs: 100 })
  })

  test('never counts below nothing', async (t: TestContext) => {
    const counter = createMemoryCounter()
    t.assert.equal((await counter.add('a', -5, 100)).units, 0)
  })

  test('stays bounded however many names there are', async (t: TestContext) => {
    const counter = createMemoryCounter()
    await counter.add('first', 5, DAY)
    for (let n = 0; n < 50_001; n++) await counter.add(`name-${n}`, 1, DAY)
    t.assert.equal((await counter.add('first', 1, DAY)).units, 1)
    t.assert.equal((await counter.add('name-50000', 1, DAY)).units, 2)
  })

  test('forgets none of one kind because there are so many of another', async (t: TestContext) => {
    const counter = createMemoryCounter()
    await counter.add('images:alice', 5, DAY)
    for (let n = 0; n < 50_001; n++) await counter.add(`logins:${n}`, 1, MINUTE)
    t.assert.equal((await counter.add('images:alice', 1, DAY)).units, 6)
  })

  test('forgets what is over before anything that is not', async (t: TestContext) => {
    let now = 0
    const counter = createMemoryCounter(() => now)
    for (let n = 0; n < 49_999; n++) await counter.add(`logins:${n}`, 1, MINUTE)
    now = MINUTE - 1
    await counter.add('logins:young', 1, MINUTE)
    now = MINUTE
    await counter.add('logins:new', 1, MINUTE)
    t.assert.equal((await counter.add('logins:young', 1, MINUTE)).units, 2)
  })
})

describe('limits of calls', () => {
  const build = (options: { callsPerMinute?: number; imagesPerDay?: number }) => {
    const world = { monotonic: 0, wall: 10 * DAY + 3 * 60 * MINUTE }
    const counter = createMemoryCounter(() => world.monotonic)
    const limits = createCallLimits({ callsPerMinute: 0, imagesPerDay: 0, ...options, counter, now: () => world.wall })
    return { world, limits }
  }

  test('are none unless set', async (t: TestContext) => {
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

  test('take n images as n units, and nothing for a rejected call', async (t: TestContext) => {
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

  test('give images back that were never made, to the day from which they were taken', async (t: TestContext) => {
    const { limits, world } = build({ imagesPerDay: 2 })
    const { release } = await limits.take('a', 'tool', 2)
    await release()
    const late = await limits.take('a', 'tool', 2)
    t.assert.equal(late.rejection, undefined)
    world.wall += DAY
    t.assert.equal((await limits.take('a', 'tool', 2)).rejection, undefined)
    await late.release()
    t.assert.equal((await limits.take('a', 'tool', 1)).rejection?.limit, 'images')
  })

  for (const [name, jump] of [
    ['forward', DAY],
    ['back', -DAY],
  ] as const) {
    test(`outlast a wall clock that jumps a day ${name}, which can only make it another day`, async (t: TestContext) => {
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
    const isRejected = async (caller: string) => (await limits.take(caller, 'tool', 1)).rejection !== undefined
    t.assert.equal(await isRejected('address:2001:db8:0:1::1'), false)
    t.assert.equal(await isRejected('address:2001:db8::1:ffff:0:0:9'), true)
    t.assert.equal(await isRejected('address:2001:db8:0:2::1'), false)
    t.assert.equal(await isRejected('address:10.0.0.1'), false)
    t.assert.equal(await isRejected('address:::ffff:10.0.0.1'), true)
    t.assert.equal(await isRejected('address:10.0.0.2'), false)
  })
})
