import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type BitmapLease, createBitmapCache, type Decoded } from '../../../web/data/bitmap-cache.ts'
import { checkProperty } from '../../support/property.ts'

class Bitmap implements Decoded {
  isClosed = false
  readonly width: number
  readonly height = 1

  constructor(width = 1) {
    this.width = width
  }

  close(): void {
    this.isClosed = true
  }
}

const load = async () => new Bitmap()
const never = () => new Promise<Bitmap>(() => {})

describe('the cache of bitmaps', () => {
  test('loads once for all who wait, and keeps what is used', async (t: TestContext) => {
    const cache = createBitmapCache<Bitmap>(8)
    let loads = 0
    const count = async () => {
      loads++
      return new Bitmap()
    }
    const [one, other] = await Promise.all([cache.lease('a', count), cache.lease('a', count)])
    t.assert.strictEqual(one.bitmap, other.bitmap)
    t.assert.strictEqual(loads, 1)
    one.release()
    one.release()
    for (const key of ['b', 'c', 'd']) (await cache.lease(key, load)).release()
    t.assert.strictEqual(other.bitmap.isClosed, false)
    t.assert.strictEqual(cache.bytes, 8)
    other.release()
    for (const key of ['e', 'f']) (await cache.lease(key, load)).release()
    t.assert.strictEqual(other.bitmap.isClosed, true)
  })

  test('closes the least recently used first', async (t: TestContext) => {
    const cache = createBitmapCache<Bitmap>(8)
    const lease = async (key: string) => {
      const { bitmap, release } = await cache.lease(key, load)
      release()
      return bitmap
    }
    const [a, b] = [await lease('a'), await lease('b')]
    t.assert.strictEqual(await lease('a'), a)
    await lease('c')
    t.assert.deepStrictEqual([a.isClosed, b.isClosed], [false, true])
  })

  test('tries again after a failure', async (t: TestContext) => {
    const cache = createBitmapCache<Bitmap>(8)
    const fails = async () => {
      throw new Error('offline')
    }
    await t.assert.rejects(cache.lease('a', fails), /offline/)
    t.assert.ok((await cache.lease('a', load)).bitmap)
  })

  test('stops loading when no one waits any more, not before', async (t: TestContext) => {
    const cache = createBitmapCache<Bitmap>(8)
    const [one, other] = [new AbortController(), new AbortController()]
    let loading: AbortSignal | undefined
    const slow = (signal: AbortSignal) => {
      loading = signal
      return never()
    }
    const leases = [one, other].map(({ signal }) => cache.lease('a', slow, signal).catch((error) => error.name))
    one.abort()
    t.assert.strictEqual(await leases[0], 'AbortError')
    t.assert.strictEqual(loading?.aborted, false)
    other.abort()
    t.assert.strictEqual(await leases[1], 'AbortError')
    t.assert.strictEqual(loading?.aborted, true)
    t.assert.ok((await cache.lease('a', load)).bitmap)
  })

  test('closes what is loaded after everyone has gone', async (t: TestContext) => {
    const cache = createBitmapCache<Bitmap>(8)
    const { promise, resolve } = Promise.withResolvers<Bitmap>()
    const abort = new AbortController()
    const lease = cache.lease('a', () => promise, abort.signal).catch(() => {})
    abort.abort()
    await lease
    const bitmap = new Bitmap()
    resolve(bitmap)
    await new Promise(setImmediate)
    t.assert.strictEqual(bitmap.isClosed, true)
    t.assert.strictEqual(cache.bytes, 0)
  })

  test('forgets an image, but closes it only when no one uses it', async (t: TestContext) => {
    const cache = createBitmapCache<Bitmap>(80)
    const used = await cache.lease('a/', load)
    const unused = await cache.lease('a/320', load)
    unused.release()
    const another = await cache.lease('b/', load)
    cache.forget('a/')
    t.assert.deepStrictEqual(
      [used, unused, another].map(({ bitmap }) => bitmap.isClosed),
      [false, true, false],
    )
    t.assert.notStrictEqual((await cache.lease('a/', load)).bitmap, used.bitmap)
    used.release()
    t.assert.strictEqual(used.bitmap.isClosed, true)
  })

  test('never closes what is used, and never counts wrong', async (t: TestContext) => {
    const step = fc.record({
      kind: fc.constantFrom('lease', 'release', 'forget'),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      width: fc.integer({ min: 1, max: 4 }),
      at: fc.nat(20),
    })
    const rule = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const cache = createBitmapCache<Bitmap>(24)
      const loaded = new Set<Bitmap>()
      const leases: BitmapLease<Bitmap>[] = []
      for (const { kind, key, width, at } of steps) {
        const make = async () => {
          const bitmap = new Bitmap(width)
          loaded.add(bitmap)
          return bitmap
        }
        if (kind === 'lease') leases.push(await cache.lease(key, make))
        if (kind === 'release') leases.splice(at % (leases.length + 1), 1)[0]?.release()
        if (kind === 'forget') cache.forget(key)
        t.assert.ok(leases.every(({ bitmap }) => !bitmap.isClosed))
        const open = [...loaded].filter(({ isClosed }) => !isClosed)
        t.assert.strictEqual(
          cache.bytes,
          open.reduce((sum, { width }) => sum + width * 4, 0),
        )
        const used = new Set(leases.map(({ bitmap }) => bitmap))
        const unused = open.filter((bitmap) => !used.has(bitmap))
        t.assert.ok(unused.length === 0 || cache.bytes <= 24)
      }
    })
    await checkProperty(t, rule, { numRuns: 300 })
  })
})
