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
    for (let n = 0; n < 100; n++) t.assert.equal(await limits.take('a', 'tool', 10), undefined)
  })

  test('count by caller and tool', async (t: TestContext) => {
    const { limits, world } = build({ callsPerMinute: 1 })
    t.assert.equal(await limits.take('a', 'one', 1), undefined)
    t.assert.deepEqual(await limits.take('a', 'one', 1), { limit: 'calls', retryAfterMs: MINUTE })
    t.assert.equal(await limits.take('a', 'two', 1), undefined)
    t.assert.equal(await limits.take('b', 'one', 1), undefined)
    world.monotonic = MINUTE
    t.assert.equal(await limits.take('a', 'one', 1), undefined)
  })

  test('take n images as n units, and nothing for a refused call', async (t: TestContext) => {
    const { limits, world } = build({ imagesPerDay: 5 })
    t.assert.equal(await limits.take('a', 'tool', 4), undefined)
    t.assert.deepEqual(await limits.take('a', 'tool', 2), { limit: 'images', retryAfterMs: 21 * 60 * MINUTE })
    t.assert.equal(await limits.take('a', 'tool', 1), undefined)
    t.assert.equal((await limits.take('a', 'tool', 1))?.limit, 'images')
    world.wall += DAY
    t.assert.equal(await limits.take('a', 'tool', 5), undefined)
  })

  test('give images back that were never made', async (t: TestContext) => {
    const { limits } = build({ imagesPerDay: 1 })
    await limits.take('a', 'tool', 1)
    await limits.giveBack('a', 1)
    t.assert.equal(await limits.take('a', 'tool', 1), undefined)
  })
})
