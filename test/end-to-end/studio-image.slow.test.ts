import { createHash } from 'node:crypto'
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { newImageId } from '../../services/library/image-id.ts'
import { buildApp } from '../support/app.ts'
import { noisePng, png } from '../support/images/images.ts'
import { someBytes, storeImage } from '../support/library-images.ts'
import { startService } from '../support/service.ts'
import { callFromStudio } from '../support/studio.ts'

const MAX_CHUNK = 500_000

/** An image as the studio loads it. @param id of a stored one */
async function load(url: string, id: string, more: object = {}) {
  const parts: Buffer[] = []
  let offset: number | undefined = 0
  let mimeType: string | undefined
  while (offset !== undefined) {
    const { facts, bytes } = await callFromStudio(url, 'studio_image', { id, offset, ...more })
    const chunk = facts?.chunk
    if (chunk === undefined) throw new Error('no chunk')
    if (chunk.offset !== offset || bytes.length > MAX_CHUNK) throw new Error('a wrong chunk')
    parts.push(bytes)
    mimeType = chunk.mimeType
    offset = chunk.nextOffset
  }
  return { bytes: Buffer.concat(parts), chunks: parts.length, mimeType }
}

describe('studio_image', () => {
  test('returns a file in chunks of at most 500 kB, byte for byte', async (t: TestContext) => {
    const { url, app } = await startService(t)
    for (const [length, chunks] of [
      [1, 1],
      [MAX_CHUNK, 1],
      [MAX_CHUNK + 1, 2],
      [1_234_567, 3],
    ] as const) {
      const bytes = someBytes(length)
      const { id } = await storeImage(app, { bytes })
      const loaded = await load(url, id)
      t.assert.deepStrictEqual([loaded.chunks, loaded.mimeType], [chunks, 'image/png'])
      t.assert.ok(loaded.bytes.equals(bytes))
    }
  })

  test('returns a smaller version in one chunk, upright and within its edge: JPEG, or WebP with transparency', async (t: TestContext) => {
    const { url, app } = await startService(t)
    const large = noisePng(1600)
    const { id } = await storeImage(app, { bytes: large })
    t.assert.ok(large.length > 2 * MAX_CHUNK)
    for (const max_edge of [256, 1500]) {
      const { bytes, chunks, mimeType } = await load(url, id, { max_edge })
      const { width, height, format } = await sharp(bytes).metadata()
      t.assert.deepStrictEqual([chunks, mimeType, format], [1, 'image/jpeg', 'jpeg'])
      t.assert.ok(Math.max(width, height) <= max_edge && Math.min(width, height) > max_edge / 4, `${width}x${height}`)
    }
    const alpha = await sharp({ create: { width: 900, height: 30, channels: 4, background: '#f008' } })
      .png()
      .toBuffer()
    const clear = await load(url, (await storeImage(app, { bytes: alpha, size: { width: 900, height: 30 } })).id, {
      max_edge: 16,
    })
    t.assert.deepStrictEqual([clear.mimeType, (await sharp(clear.bytes).metadata()).width], ['image/webp', 16])
    const turned = await sharp({ create: { width: 60, height: 30, channels: 3, background: '#f00' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer()
    const shown = await load(
      url,
      (await storeImage(app, { bytes: turned, mimeType: 'image/jpeg', size: { width: 30, height: 60 } })).id,
      {
        max_edge: 20,
      },
    )
    t.assert.partialDeepStrictEqual(await sharp(shown.bytes).metadata(), { width: 10, height: 20 })
  })

  test('sends a file that is small enough as it is', async (t: TestContext) => {
    const { url, app } = await startService(t)
    const bytes = await png()
    const { id } = await storeImage(app, { bytes })
    t.assert.ok((await load(url, id, { max_edge: 512 })).bytes.equals(bytes))
  })

  test('describes the image with its whole prompt', async (t: TestContext) => {
    const { url } = await startService(t)
    const prompt = `a fox ${'x'.repeat(3000)}`
    await callFromStudio(url, 'generate_image', { prompt })
    const { facts } = await callFromStudio(url, 'find_images')
    const id = facts?.list?.images[0]?.id
    const { facts: own } = await callFromStudio(url, 'studio_image', { id, max_edge: 64 })
    t.assert.partialDeepStrictEqual(own?.chunk?.image, { id, prompt, isOwn: true, origin: 'generated' })
  })

  test('tells strangers without authentication nothing that the id does not give', async (t: TestContext) => {
    const { url } = await startService(t, { MCP_SERVER_HOST: '0.0.0.0', TRUST_PROXY: '127.0.0.1,::1' })
    const [ann, bob] = [{ 'x-forwarded-for': '203.0.113.1' }, { 'x-forwarded-for': '203.0.113.2' }]
    const make = async (name: string, args: object) =>
      /img_[0-9a-z]{26}/.exec((await callFromStudio(url, name, { prompt: 'a secret', ...args }, ann)).text)?.[0]
    const first = await make('generate_image', { tags: ['private'], output_path: 'private/fox.png' })
    const id = await make('edit_image', { image: first, tags: ['private'] })
    const asOwner = await callFromStudio(url, 'studio_image', { id }, ann)
    t.assert.deepStrictEqual(asOwner.facts?.chunk?.image.parents, [first])
    t.assert.strictEqual(asOwner.facts?.chunk?.image.prompt, 'a secret')
    for (const each of [first, id]) {
      for (const more of [{}, { max_edge: 64 }]) {
        const { facts, raw } = await callFromStudio(url, 'studio_image', { id: each, ...more }, bob)
        t.assert.partialDeepStrictEqual(facts?.chunk?.image, { id: each, parents: [], tags: [], isOwn: false })
        t.assert.doesNotMatch(JSON.stringify({ ...raw, content: [] }), /secret|private|usd/i)
      }
    }
  })

  test('has smaller chunks where results are limited', async (t: TestContext) => {
    const { url, app } = await startService(t, { INLINE_IMAGE_MAX_BYTES: '100000' })
    const bytes = someBytes(200_000)
    const { id } = await storeImage(app, { bytes })
    const { facts, bytes: first } = await callFromStudio(url, 'studio_image', { id })
    t.assert.deepStrictEqual([first.length, facts?.chunk?.nextOffset, facts?.chunk?.bytes], [75_000, 75_000, 200_000])
    t.assert.ok((await load(url, id)).bytes.equals(bytes))
  })

  test('has chunks of a useful size also where results have no images', async (t: TestContext) => {
    const { url, app } = await startService(t, { INLINE_IMAGE_MAX_BYTES: '1' })
    const bytes = noisePng(400)
    const { id } = await storeImage(app, { bytes, size: { width: 400, height: 400 } })
    const { facts } = await callFromStudio(url, 'studio_image', { id })
    t.assert.strictEqual(facts?.chunk?.nextOffset, 48_000)
    t.assert.ok((await load(url, id)).bytes.equals(bytes))
    t.assert.strictEqual((await load(url, id, { max_edge: 64 })).mimeType, 'image/jpeg')
  })

  test('rejects an offset that is not within the image, and arguments that are none', async (t: TestContext) => {
    const { url, app } = await startService(t)
    const { id } = await storeImage(app, { bytes: someBytes(1000) })
    for (const args of [
      { id, offset: 1000 },
      { id, offset: Number.MAX_SAFE_INTEGER },
      { id, offset: 1e300 },
      { id, offset: -1 },
      { id, offset: 0.5 },
      { id, offset: 1, max_edge: 0 },
      { id, max_edge: 100_000 },
      { id: 'last', offset: 5000 },
      { id: '../../etc/passwd' },
      { id: [id] },
      {},
    ]) {
      const { isError, facts, raw } = await callFromStudio(url, 'studio_image', args)
      t.assert.ok(isError, JSON.stringify(args))
      t.assert.strictEqual(facts, undefined)
      t.assert.strictEqual(raw.content.length, 1)
    }
    const { text } = await callFromStudio(url, 'studio_image', { id, offset: 1000 })
    t.assert.strictEqual(text, 'The arguments are not valid: "offset" is not within the image.')
    const noise = await storeImage(app, { bytes: noisePng(1200) })
    t.assert.ok((await callFromStudio(url, 'studio_image', { id: noise.id, max_edge: 64, offset: 1 })).isError)
  })

  test('of an image that is deleted or cut between two chunks says so, as of an unknown one', async (t: TestContext) => {
    const { url, app, images } = await startService(t, { TOOLS: 'default,delete_image' })
    const { id } = await storeImage(app, { bytes: someBytes(MAX_CHUNK * 2) })
    const first = await callFromStudio(url, 'studio_image', { id })
    t.assert.strictEqual(first.facts?.chunk?.nextOffset, MAX_CHUNK)
    await callFromStudio(url, 'delete_image', { id })
    const gone = await callFromStudio(url, 'studio_image', { id, offset: MAX_CHUNK })
    const unknown = await callFromStudio(url, 'studio_image', { id: newImageId(), offset: MAX_CHUNK })
    t.assert.ok(gone.isError)
    t.assert.deepStrictEqual(gone.raw, unknown.raw)
    const cut = await storeImage(app, { bytes: someBytes(MAX_CHUNK * 2), outputPath: 'cut.png' })
    await truncate(join(images, 'cut.png'), MAX_CHUNK)
    t.assert.ok((await callFromStudio(url, 'studio_image', { id: cut.id, offset: MAX_CHUNK })).isError)
  })

  test('of a damaged image has the file, and no smaller version', async (t: TestContext) => {
    const { url, app } = await startService(t)
    const bytes = Buffer.concat([(await png(3000, 20)).subarray(0, 60), someBytes(MAX_CHUNK)])
    const { id } = await storeImage(app, { bytes })
    const { isError, text } = await callFromStudio(url, 'studio_image', { id, max_edge: 64 })
    t.assert.ok(isError && text.length > 10, text)
    t.assert.ok((await load(url, id)).bytes.equals(bytes))
  })

  test('reads no more of a file than the chunk', async (t: TestContext) => {
    const { app } = await buildApp(t)
    const bytes = someBytes(30_000_000)
    const { id } = await storeImage(app, { bytes })
    const before = process.memoryUsage().arrayBuffers
    const headers = { 'mcp-protocol-version': '2025-11-25', accept: 'application/json' }
    const params = { name: 'studio_image', arguments: { id, offset: 29_000_000 } }
    const all = await Promise.all(
      Array.from({ length: 10 }, () =>
        app.inject({
          method: 'POST',
          url: '/mcp',
          headers,
          payload: { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
        }),
      ),
    )
    const used = process.memoryUsage().arrayBuffers - before
    const hash = (data: Buffer) => createHash('sha256').update(data).digest('hex')
    for (const response of all) {
      const { blob } = response.json().result.content[0].resource
      t.assert.strictEqual(hash(Buffer.from(blob, 'base64')), hash(bytes.subarray(29_000_000, 29_500_000)))
    }
    t.assert.ok(used < 60_000_000, `${used} bytes for 10 chunks of a file of 30,000,000`)
  })
})
