import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import type { ImageVariant } from '../../../services/imaging/transform.ts'
import { buildApp } from '../../support/app.ts'
import { someBytes, storeImage } from '../../support/library-images.ts'

const size = { width: 400, height: 200 }
const png = await sharp({ create: { ...size, channels: 3, background: '#3366cc' } })
  .png()
  .toBuffer()

async function withImage(t: TestContext, environment: Record<string, string> = {}, image = {}) {
  const { app } = await buildApp(t, environment)
  const { id, sha256 } = await storeImage(app, { bytes: png, outputPath: 'sky.png', ...image })
  const get = (variant: ImageVariant, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
    app.inject({ method, url: app.links?.urlOf(id, '', variant) ?? '', headers })
  return { app, id, sha256, get }
}

describe('a link to another size or format', { concurrency: true }, () => {
  test('shows the image in it', async (t: TestContext) => {
    const { get } = await withImage(t)
    for (const [variant, format, width, name] of [
      [{ maxEdge: 100 }, 'png', 100, 'sky.png'],
      [{ maxEdge: 100, format: 'jpeg' }, 'jpeg', 100, 'sky.jpg'],
      [{ format: 'webp' }, 'webp', 400, 'sky.webp'],
      [{ maxEdge: 9999, format: 'jpeg' }, 'jpeg', 400, 'sky.jpg'],
    ] as const) {
      const { statusCode, headers, rawPayload } = await get(variant)
      t.assert.equal(statusCode, 200)
      t.assert.partialDeepStrictEqual(await sharp(rawPayload).metadata(), { format, width, height: width / 2 })
      t.assert.partialDeepStrictEqual(headers, {
        'content-type': `image/${format}`,
        'content-length': String(rawPayload.length),
        'content-disposition': `inline; filename=${name}`,
        'accept-ranges': 'none',
        'x-content-type-options': 'nosniff',
      })
      t.assert.match(String(headers['content-security-policy']), /; sandbox$/)
      t.assert.match(String(headers['cache-control']), /^private, max-age=\d+, immutable$/)
    }
  })

  test('returns the stored bytes where nothing has to be changed', async (t: TestContext) => {
    const { get } = await withImage(t)
    for (const variant of [{ maxEdge: 400 }, { format: 'png' }, { maxEdge: 401, format: 'png' }] as const) {
      const { headers, rawPayload } = await get(variant)
      t.assert.ok(rawPayload.equals(png))
      t.assert.equal(headers['content-length'], String(png.length))
    }
  })

  test('returns the same to HEAD as to GET, and ignores ranges', async (t: TestContext) => {
    const { get } = await withImage(t)
    for (const variant of [{ maxEdge: 100 }, { maxEdge: 400 }]) {
      const [full, head, part] = await Promise.all([
        get(variant),
        get(variant, {}, 'HEAD'),
        get(variant, { range: 'bytes=0-0' }),
      ])
      t.assert.deepEqual([head.statusCode, head.body], [200, ''])
      t.assert.deepEqual({ ...head.headers, date: '' }, { ...full.headers, date: '' })
      t.assert.deepEqual([part.statusCode, part.rawPayload.length], [200, full.rawPayload.length])
    }
  })

  test('has a validator of its own, by which it is not rendered again', async (t: TestContext) => {
    const { app, get, sha256 } = await withImage(t)
    const { headers } = await get({ maxEdge: 100, format: 'webp' })
    t.assert.equal(headers.etag, `W/"${sha256}-100webp"`)
    t.mock.method(app.pixels, 'render', () => t.assert.fail('the image is rendered'))
    const known = await get({ maxEdge: 100, format: 'webp' }, { 'if-none-match': String(headers.etag) })
    t.assert.deepEqual([known.statusCode, known.headers.etag], [304, headers.etag])
  })

  test('waits for a turn, and is to be tried again where there is no memory for it', async (t: TestContext) => {
    const { app, get } = await withImage(t, { MAX_DECODED_BYTES: '67108864' })
    using scope = new DisposableStack()
    app.pixels.retain(Buffer.alloc(16_777_216), scope)
    const { statusCode, headers, body } = await get({ maxEdge: 100 })
    t.assert.deepEqual([statusCode, headers['retry-after']], [503, '5'])
    t.assert.match(body, /The image cannot be sent at the moment/)
    scope.dispose()
    const statuses = await Promise.all(Array.from({ length: 50 }, async () => (await get({ maxEdge: 100 })).statusCode))
    t.assert.ok(statuses.every((status) => status === 200))
  })

  test('of something that is no image is rejected', async (t: TestContext) => {
    const { get } = await withImage(t, {}, { bytes: someBytes(), outputPath: 'noise.png' })
    const { statusCode, body } = await get({ maxEdge: 100 })
    t.assert.equal(statusCode, 422)
    t.assert.match(body, /The image data is of no known image format/)
  })

  test('opens nothing else', async (t: TestContext) => {
    const { app, id } = await withImage(t)
    const url = app.links?.urlOf(id, '', { maxEdge: 100, format: 'jpeg' }) ?? ''
    for (const changed of [
      url.replace('w=100', 'w=400'),
      url.replace('&w=100', ''),
      url.replace('f=jpeg', 'f=png'),
      url.replace('&f=jpeg', ''),
      url.replace('&w=100&f=jpeg', ''),
      `${url}&w=400`,
    ]) {
      t.assert.notEqual(changed, url)
      t.assert.equal((await app.inject(changed)).statusCode, 404, changed)
    }
  })
})
