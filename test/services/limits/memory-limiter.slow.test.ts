import { describe, type TestContext, test } from 'node:test'
import { type CallerLimiter, createCallerLimiter } from '../../../services/limits/caller-limiter.ts'
import { MemoryLimiter } from '../../../services/limits/memory-limiter.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const build = (points: number, windowMs: number, now?: () => number): CallerLimiter =>
  createCallerLimiter(new MemoryLimiter({ namespace: 'test', points, windowMs }, now))

describe('a limiter in memory', () => {
  test('starts a window with its first point and another when it has ended', async (t: TestContext) => {
    let now = 0
    const limiter = build(3, 1000, () => now)
    t.assert.deepEqual(await limiter.consume('a', 2), { isExceeded: false, remaining: 1, resetMs: 1000 })
    now = 600
    t.assert.deepEqual(await limiter.consume('a'), { isExceeded: false, remaining: 0, resetMs: 400 })
    t.assert.deepEqual(await limiter.consume('a'), { isExceeded: true, remaining: 0, resetMs: 400 })
    t.assert.deepEqual(await limiter.consume('b'), { isExceeded: false, remaining: 2, resetMs: 1000 })
    now = 1000
    t.assert.deepEqual(await limiter.consume('a'), { isExceeded: false, remaining: 2, resetMs: 1000 })
  })

  test('never counts below zero', async (t: TestContext) => {
    const limiter = build(3, 1000)
    await limiter.refund('a', 5)
    t.assert.equal((await limiter.consume('a')).remaining, 2)
  })

  test('is bounded, and evicts the oldest key', async (t: TestContext) => {
    const limiter = build(5, DAY)
    await limiter.consume('first', 5)
    for (let n = 0; n < 50_001; n++) await limiter.consume(`name-${n}`)
    t.assert.equal((await limiter.consume('first')).remaining, 4)
    t.assert.equal((await limiter.consume('name-50000')).remaining, 3)
  })

  test('keeps its keys when another limiter is full', async (t: TestContext) => {
    const [images, logins] = [build(10, DAY), build(10, MINUTE)]
    await images.consume('alice', 5)
    for (let n = 0; n < 50_001; n++) await logins.consume(String(n))
    t.assert.equal((await images.consume('alice')).remaining, 4)
  })

  test('evicts windows that have ended before any other', async (t: TestContext) => {
    let now = 0
    const limiter = build(5, MINUTE, () => now)
    for (let n = 0; n < 49_999; n++) await limiter.consume(String(n))
    now = MINUTE - 1
    await limiter.consume('young')
    now = MINUTE
    await limiter.consume('new')
    t.assert.equal((await limiter.consume('young')).remaining, 3)
  })
})
