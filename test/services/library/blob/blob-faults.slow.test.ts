import type { IncomingMessage } from 'node:http'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'
import { encodeImage } from '../../../../services/bytes/base64-image.ts'
import { ServiceError } from '../../../../services/errors/errors.ts'
import { AZURITE_KEY, type Azurite, startAzurite } from '../../../support/azurite.ts'
import * as images from '../../../support/images/images.ts'
import { type StorageFault, startStorageProxy } from '../../../support/storage-proxy.ts'
import { openBlobPlace } from '../../../support/stores.ts'
import { waitFor } from '../../../support/wait-for.ts'

/** Blob Storage that fails: a real Azurite behind a proxy that spoils requests. */

const png = images.pngOf({ width: 3, height: 2 })
const facts = { mimeType: 'image/png', width: 3, height: 2 } as const
const image = encodeImage(png, facts)
const large = encodeImage(Buffer.concat([png, Buffer.alloc(2_000_000, 'content')]), facts)

let azurite: Azurite
before(async () => {
  azurite = await startAzurite()
})
after(() => azurite[Symbol.asyncDispose]())

async function build(t: TestContext) {
  const proxy = await startStorageProxy(t, azurite.url)
  const place = await openBlobPlace(azurite, proxy.urlOf)
  const { store } = place
  const target = await store.resolve('x.png')
  /** The result of every image of a set, as a name or a code. */
  const save = async (set = [image], signal?: AbortSignal) => {
    const results = await store.saveSet(target, set, signal)
    return results.map((each) => (each.status === 'fulfilled' ? each.value.name : codeOf(each.reason)))
  }
  return { ...place, proxy, save }
}

const codeOf = (error: unknown): string => (error instanceof ServiceError ? error.code : String(error))
const isUpload = ({ method }: IncomingMessage) => method === 'PUT'
const isRead = ({ method }: IncomingMessage) => method === 'GET'

/** Applies to the first `count` requests that match. */
function first(count: number, matches: (request: IncomingMessage) => boolean, fault: StorageFault) {
  let left = count
  return (request: IncomingMessage) => (matches(request) && left-- > 0 ? fault : undefined)
}

describe('an upload', () => {
  test('whose response was lost is recognized, and has the name', async (t: TestContext) => {
    const { proxy, save, get, names } = await build(t)
    proxy.fault = first(1, isUpload, 'lost response')
    t.assert.deepStrictEqual(await save(), ['x.png'])
    t.assert.deepStrictEqual(await names(), ['x.png'])
    t.assert.deepStrictEqual(await get('x.png'), png)
    const methods = proxy.requests.map((request) => request.split(' ')[0])
    t.assert.deepStrictEqual(methods, ['PUT', 'PUT', 'HEAD'])
  })

  test('whose response was lost where another program has the name gets the next one', async (t: TestContext) => {
    const { proxy, put, save, get } = await build(t)
    await put('x.png', 'mine')
    proxy.fault = first(1, isUpload, 'lost response')
    t.assert.deepStrictEqual(await save(), ['x-2.png'])
    t.assert.strictEqual((await get('x.png'))?.toString(), 'mine')
  })

  test('that breaks once or meets a busy service once succeeds', async (t: TestContext) => {
    const faults: StorageFault[] = [
      { cutRequestAfter: 500_000 },
      { status: 503, code: 'ServerBusy' },
      { status: 500, code: 'InternalError' },
    ]
    for (const fault of faults) {
      const { proxy, save, get } = await build(t)
      proxy.fault = first(1, isUpload, fault)
      t.assert.deepStrictEqual(await save([large]), ['x.png'])
      t.assert.strictEqual((await get('x.png'))?.length, large.bytes)
    }
  })

  test('that fails for good fails with a sentence of ours, after few attempts, and leaves nothing', async (t: TestContext) => {
    const faults: [StorageFault, code: string, attempts: number][] = [
      [{ status: 403, code: 'AuthorizationPermissionMismatch' }, 'IMG_ERR_STORE_DENIED', 1],
      [{ status: 401, code: 'NoAuthenticationInformation' }, 'IMG_ERR_STORE_DENIED', 1],
      [{ status: 404, code: 'ContainerNotFound' }, 'IMG_ERR_STORE_DENIED', 1],
      [{ status: 409, code: 'ContainerBeingDeleted' }, 'IMG_ERR_STORE_DENIED', 1],
      [{ status: 400, code: 'InvalidHeaderValue' }, 'IMG_ERR_STORE_FAILED', 1],
      [{ status: 503, code: 'ServerBusy' }, 'IMG_ERR_STORE_UNAVAILABLE', 3],
      [{ cutRequestAfter: 1 }, 'IMG_ERR_STORE_UNAVAILABLE', 3],
    ]
    for (const [fault, code, attempts] of faults) {
      const { proxy, store, names } = await build(t)
      proxy.fault = () => fault
      const error = await store.save({ name: 'x.png' }, large).catch((reason: unknown) => reason)
      t.assert.strictEqual(codeOf(error), code)
      t.assert.strictEqual(proxy.requests.length, attempts, inspect(fault))
      const shown = inspect(error, { depth: 9 })
      t.assert.doesNotMatch(shown, /AZURE-TEXT|SharedKey|127\.0\.0\.1|sig=/)
      t.assert.ok(!shown.includes(AZURITE_KEY))
      t.assert.deepStrictEqual(await names(), [])
    }
  })

  test('of a name that 300 images have finds the next one without an upload for each', async (t: TestContext) => {
    const { proxy, put, save } = await build(t)
    await put('x.png', png)
    await Promise.all(Array.from({ length: 299 }, (_, at) => put(`x-${at + 2}.png`, png)))
    t.assert.deepStrictEqual(await save([image, image]), ['x-301.png', 'x-302.png'])
    t.assert.ok(proxy.requests.length <= 5, proxy.requests.join('\n'))
    t.assert.deepStrictEqual(await save(), ['x-303.png'])
  })

  test('ends with its signal, however slow the store is', async (t: TestContext) => {
    const { proxy, store, save, names } = await build(t)
    proxy.fault = () => ({ delayMs: 120_000 })
    const reason = new ServiceError('IMG_ERR_STORE_SLOW', 'slow')
    const works: ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => store.files.create('.library/x.png', large, signal).catch(codeOf),
      (signal) => store.files.writeText('.library/x.json', '{}', signal).catch(codeOf),
      (signal) => save([large], signal).then(([only]) => only),
    ]
    for (const work of works) {
      const given = new AbortController()
      const start = performance.now()
      const working = work(given.signal)
      await pause(200)
      given.abort(reason)
      t.assert.strictEqual(await working, reason.code)
      t.assert.ok(performance.now() - start < 60_000, `${performance.now() - start} ms`)
    }
    t.assert.deepStrictEqual(await names(), [])
  })

  test('that Azure completes after it was given up is removed', async (t: TestContext) => {
    const { proxy, store, names } = await build(t)
    const given = new AbortController()
    const reason = new ServiceError('IMG_ERR_STORE_SLOW', 'slow')
    proxy.fault = first(1, isUpload, { delayMs: 500, onDelay: () => given.abort(reason) })
    t.assert.strictEqual(await store.files.create('.library/x.png', image, given.signal).catch(codeOf), reason.code)
    await waitFor('the late blob', async () => (await names()).length === 1)
    await waitFor('its removal', async () => (await names()).length === 0)
  })
})

describe('reading', () => {
  test('goes on where the connection broke', async (t: TestContext) => {
    const { proxy, store, put } = await build(t)
    const content = Buffer.concat([png, Buffer.alloc(3_000_000, 'content')])
    await put('x.png', content)
    await using file = await store.files.open('x.png')
    proxy.fault = first(2, isRead, { cutResponseAfter: 1_000_000 })
    const chunks: Buffer[] = []
    for await (const chunk of file?.read(0, content.length) ?? []) chunks.push(chunk)
    t.assert.ok(Buffer.concat(chunks).equals(content))
    t.assert.strictEqual(proxy.requests.filter((request) => request.startsWith('GET')).length, 3)
  })

  test('fails where it breaks again and again, and where the image was replaced', async (t: TestContext) => {
    const { proxy, store, put } = await build(t)
    await put('x.png', Buffer.alloc(3_000_000, 'content'))
    await using file = await store.files.open('x.png')
    const readAll = async () => {
      let bytes = 0
      for await (const chunk of file?.read(0, 3_000_000) ?? []) bytes += chunk.length
      return bytes
    }
    proxy.fault = (request) => (isRead(request) ? { cutResponseAfter: 1_000 } : undefined)
    await t.assert.rejects(readAll(), { code: 'IMG_ERR_STORE_UNREACHABLE' })
    proxy.fault = () => undefined
    t.assert.strictEqual(await readAll(), 3_000_000)
    await put('x.png', Buffer.alloc(3_000_000, 'another'))
    await t.assert.rejects(readAll(), { code: 'IMG_ERR_STORE_UNREACHABLE' })
  })

  test('does not take a store that fails for an image that does not exist', async (t: TestContext) => {
    const { proxy, store, put } = await build(t)
    await put('x.png', png)
    const unreachable = { code: 'IMG_ERR_STORE_UNREACHABLE' }
    for (const [status, code] of [
      [403, 'AuthorizationFailure'],
      [503, 'ServerBusy'],
      [404, 'ContainerNotFound'],
    ] as const) {
      proxy.fault = () => ({ status, code })
      await t.assert.rejects(store.read('x.png'), unreachable)
      await t.assert.rejects(store.list(), unreachable)
      await t.assert.rejects(store.files.open('x.png'), unreachable)
      await t.assert.rejects(store.files.readText('x.json'), unreachable)
      await t.assert.rejects(store.files.entries()[Symbol.asyncIterator]().next(), unreachable)
      await t.assert.rejects(store.files.remove('x.png'), { family: 'service' })
    }
  })
})

describe('the health of the store', () => {
  test('says what the operator must change', async (t: TestContext) => {
    const faults: [StorageFault, reason: string, hint: RegExp][] = [
      [{ status: 403, code: 'AuthorizationFailure' }, '403 AuthorizationFailure', /Storage Blob Data Contributor/],
      [{ status: 404, code: 'ContainerNotFound' }, '404 ContainerNotFound', /create the container/],
      [{ status: 503, code: 'ServerBusy' }, '503 ServerBusy', /can be reached/],
    ]
    for (const [fault, reason, hint] of faults) {
      const { proxy, store } = await build(t)
      proxy.fault = () => fault
      const health = await store.health()
      t.assert.deepStrictEqual([health.isWritable, health.reason], [false, reason])
      t.assert.match(health.hint ?? '', hint)
    }
  })

  test('is checked once for many probes', async (t: TestContext) => {
    const { proxy, store } = await build(t)
    const states = await Promise.all(Array.from({ length: 20 }, () => store.health()))
    t.assert.ok(states.every(({ isWritable }) => isWritable))
    t.assert.strictEqual(proxy.requests.length, 1)
  })
})
