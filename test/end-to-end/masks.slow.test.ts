import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import type { MaskStroke } from '../../schemas/mask.ts'
import type { Simulator } from '../../simulator/app.ts'
import { jpeg, noisePng, png } from '../support/images/images.ts'
import { exif, exifSegment, withSegments } from '../support/images/oriented.ts'
import { paintSlowly } from '../support/images/slow-strokes.ts'
import { callTool, startService, type ToolOutput } from '../support/service.ts'

const width = 60
const height = 45
const strokes: MaskStroke[] = [
  { mode: 'add', size: 9, points: [5, 6, 20.5, 14, 33, 9] },
  { mode: 'add_rectangle', points: [40, 30, 50.5, 38] },
  { mode: 'erase', size: 4, points: [18, 3, 22, 20] },
]
const gptImage = { AZURE_DEPLOYMENT_NAME: 'gpt-image-1' }
const flux = { AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro' }
const base64 = (bytes: Buffer) => bytes.toString('base64')
const keep = { keep_outside_mask: true, mask_strokes: strokes }

const filesSent = ({ requests }: Simulator, field: string) =>
  (requests.at(-1)?.files ?? []).filter((file) => file.field === field).flatMap(({ content }) => content ?? [])

async function pixelsOf(bytes: Buffer): Promise<Buffer> {
  return await sharp(bytes).autoOrient().toColourspace('srgb').ensureAlpha().raw().toBuffer()
}

/** Numbers of pixels that differ between two images. */
async function changed(before: Buffer, after: Buffer | undefined): Promise<number[]> {
  const [one, other] = [await pixelsOf(before), await pixelsOf(after ?? Buffer.alloc(0))]
  if (one.length !== other.length) throw new Error('the size differs')
  const isSame = (pixel: number) =>
    one.subarray(pixel * 4, pixel * 4 + 4).equals(other.subarray(pixel * 4, pixel * 4 + 4))
  return Array.from({ length: one.length / 4 }, (_, pixel) => pixel).filter((pixel) => !isSame(pixel))
}

async function recordsIn(folder: string): Promise<Record<string, unknown>[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => /img_[0-9a-z]{26}\.json$/.test(name))
  return await Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'))))
}

const idIn = (text: string) => /Image id: (img_[0-9a-z]{26})/.exec(text)?.[1]
const painted = paintSlowly(strokes, width, height)

async function assertKept(t: TestContext, source: Buffer, { isError, text, images }: ToolOutput): Promise<void> {
  t.assert.equal(isError, false, text)
  const different = await changed(source, images[0])
  t.assert.ok(different.length > 100, 'the result is inside the mask')
  t.assert.deepEqual(
    different.filter((pixel) => painted[pixel] === 0),
    [],
  )
}

test('gpt-image is sent what was painted, and outside of it nothing has changed', async (t: TestContext) => {
  const { url, simulator, images } = await startService(t, gptImage, { keepFiles: true })
  const source = await png(width, height)
  const result = await callTool(url, 'edit_image', { image_data_base64: base64(source), prompt: 'a hat', ...keep })
  await assertKept(t, source, result)
  const [mask] = filesSent(simulator, 'mask')
  const { channels, hasAlpha, format } = await sharp(mask).metadata()
  t.assert.deepEqual({ channels, hasAlpha, format }, { channels: 4, hasAlpha: true, format: 'png' })
  const alpha = await sharp(mask).extractChannel('alpha').raw().toBuffer()
  t.assert.deepEqual(
    [...alpha],
    painted.map((share) => (share > 127 ? 0 : 255)),
  )
  const [first, second] = (await recordsIn(images)).toSorted((one) => (one.origin === 'composite' ? 1 : -1))
  t.assert.partialDeepStrictEqual(first, { origin: 'edited', parents: [], width: 1536, height: 1024, prompt: 'a hat' })
  t.assert.partialDeepStrictEqual(second, { origin: 'composite', parents: [first?.id], width, height, prompt: 'a hat' })
  t.assert.equal(idIn(result.text), second?.id)
  t.assert.ok(first !== undefined && 'costUsd' in first && second !== undefined && !('costUsd' in second))
  t.assert.match(
    result.text,
    new RegExp(`Outside the mask every pixel is that of the original. Azure's whole image: ${first?.id}.`),
  )
  t.assert.match(result.text, /Size: 60x45, as the original; Azure's image of 1536x1024 was stretched to it\./)
  t.assert.match(result.text, /Content Credentials: none/)
})

test('FLUX is sent no mask, and outside of the mask nothing has changed', async (t: TestContext) => {
  const { url, simulator } = await startService(t, flux, { keepFiles: true })
  const source = withSegments(await jpeg(height, width), exifSegment(exif(6)))
  const args = { image_data_base64: base64(source), prompt: 'a hat', mask_strokes: strokes }
  const rejected = await callTool(url, 'edit_image', args)
  t.assert.equal(rejected.isError, true)
  t.assert.match(rejected.text, /takes no mask: set keep_outside_mask to true/)
  t.assert.equal(simulator.requests.length, 0)
  await assertKept(t, source, await callTool(url, 'edit_image', { ...args, keep_outside_mask: true }))
  t.assert.equal(simulator.requests.length, 1)
  t.assert.deepEqual(filesSent(simulator, 'mask'), [])
})

test('without keep_outside_mask the image is that of the model', async (t: TestContext) => {
  const { url, simulator } = await startService(t, gptImage, { keepFiles: true })
  const args = { image_data_base64: base64(await png(width, height)), prompt: 'a hat', mask_strokes: strokes }
  const { text, images } = await callTool(url, 'edit_image', args)
  t.assert.equal(filesSent(simulator, 'mask').length, 1)
  t.assert.equal((await sharp(images[0]).metadata()).width, 1536)
  t.assert.doesNotMatch(text, /Outside the mask/)
})

describe('the original stays outside of', () => {
  const region = { x: 10, y: 12, width: 20, height: 15 }
  const isOutside = (pixel: number) => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)]
    return x < 10 || x >= 30 || y < 12 || y >= 27
  }

  test('a region', async (t: TestContext) => {
    const { url } = await startService(t, gptImage)
    const source = await png(width, height)
    const args = { image_data_base64: base64(source), prompt: 'a hat', mask_region: region, keep_outside_mask: true }
    const { images } = await callTool(url, 'edit_image', args)
    const different = await changed(source, images[0])
    t.assert.ok(different.length > 100 && !different.some(isOutside))
  })

  test('a mask that is a file', async (t: TestContext) => {
    const { url } = await startService(t, gptImage)
    const source = await png(width, height)
    const hole = await sharp({ create: { width: 20, height: 15, channels: 4, background: '#ffffff' } })
      .png()
      .toBuffer()
    const mask = await sharp({ create: { width, height, channels: 4, background: '#000000' } })
      .composite([{ input: hole, left: 10, top: 12, blend: 'dest-out' }])
      .png()
      .toBuffer()
    const args = {
      image_data_base64: base64(source),
      prompt: 'a hat',
      mask_base64: base64(mask),
      keep_outside_mask: true,
    }
    const { images, text } = await callTool(url, 'edit_image', args)
    const different = await changed(source, images[0])
    t.assert.ok(different.length > 100 && !different.some(isOutside), text)
  })

  test('an edge that is soft', async (t: TestContext) => {
    const { url } = await startService(t, flux)
    const source = await png(width, height)
    const rectangle = [{ mode: 'add_rectangle', points: [20, 20, 30, 30] }]
    const args = {
      image_data_base64: base64(source),
      prompt: 'a hat',
      mask_strokes: rectangle,
      keep_outside_mask: true,
    }
    const reached = async (mask_feather: number) => {
      const { images } = await callTool(url, 'edit_image', { ...args, mask_feather })
      return Math.min(...(await changed(source, images[0])).map((pixel) => pixel % width))
    }
    const [hard, soft] = [await reached(0), await reached(8)]
    t.assert.ok(hard >= 20 && soft < 20 && soft >= 12, `${hard}, ${soft}`)
  })
})

test('what is wrong with a mask is said before anything is sent', async (t: TestContext) => {
  const { url, simulator } = await startService(t, gptImage)
  const source = { image_data_base64: base64(await png(width, height)), prompt: 'a hat' }
  const all = { mode: 'add_rectangle', points: [-5, -5, 100, 100] }
  const rows: readonly [object, RegExp][] = [
    [{ mask_strokes: [{ mode: 'add', size: 5, points: [-50, -50] }] }, /The mask paints nothing of the image/],
    [{ mask_strokes: [{ mode: 'erase', size: 5, points: [5, 5] }], keep_outside_mask: true }, /paints nothing/],
    [{ mask_strokes: [all] }, /The mask covers the whole image/],
    [{ mask_strokes: [{ mode: 'invert' }] }, /covers the whole image/],
    [
      { mask_strokes: strokes, mask_region: { x: 1, y: 1, width: 1, height: 1 } },
      /mask_region or mask_strokes, not both/,
    ],
    [{ keep_outside_mask: true }, /keep_outside_mask requires a mask/],
    [{ mask_strokes: strokes, mask_feather: 3 }, /mask_feather requires keep_outside_mask/],
    [{ mask_strokes: [{ mode: 'add', points: [1, 1] }] }, /number 1\): add requires size/],
    [{ mask_strokes: [{ mode: 'smear', size: 1, points: [1, 1] }] }, /mask_strokes/],
    [{ mask_strokes: [{ mode: 'add', size: 1, points: [1e300, 1] }] }, /numbers may be from -100000 to 100000/],
    [{ mask_strokes: [{ mode: 'add', size: 1, points: ['x', 1] }] }, /mask_strokes/],
    // What JSON makes of a number that is none.
    [{ mask_strokes: [{ mode: 'add', size: 9, points: [Number.NaN, 5, 10, Number.NaN] }] }, /mask_strokes/],
    [
      { mask_strokes: [{ mode: 'add', size: 4, points: [20, 20] }], keep_outside_mask: true, mask_feather: 40 },
      /disappears in a soft edge of 40 pixels/,
    ],
    [{ mask_strokes: Array(201).fill(all) }, /201 strokes/],
  ]
  for (const [args, problem] of rows) {
    const { isError, text } = await callTool(url, 'edit_image', { ...source, ...args })
    t.assert.equal(isError, true, text)
    t.assert.match(text, problem)
  }
  t.assert.equal(simulator.requests.length, 0)
})

test('strokes may be JSON in a text, with null for what a stroke does not need', async (t: TestContext) => {
  const { url } = await startService(t, flux)
  const source = await png(width, height)
  const withNulls = strokes.map(({ mode, size = null, points = null }) => ({ mode, size, points }))
  const args = { image_data_base64: base64(source), prompt: 'a hat', keep_outside_mask: true }
  await assertKept(t, source, await callTool(url, 'edit_image', { ...args, mask_strokes: JSON.stringify(withNulls) }))
})

test('each of several images is composed, under the requested name, always as PNG', async (t: TestContext) => {
  const { url, images: folder } = await startService(t, gptImage)
  const source = await noisePng(64)
  const rectangle = [{ mode: 'add_rectangle', points: [0, 0, 32, 64] }]
  const args = { image_data_base64: base64(source), prompt: 'a hat', n: 2, output_path: 'hat.jpg', return: 'image' }
  const result = await callTool(url, 'edit_image', { ...args, mask_strokes: rectangle, keep_outside_mask: true })
  t.assert.equal(result.images.length, 2, result.text)
  for (const image of result.images) {
    const { format } = await sharp(image).metadata()
    t.assert.equal(format, 'png')
    t.assert.ok((await changed(source, image)).every((pixel) => pixel % 64 < 32))
  }
  t.assert.match(result.text, /^Image successfully edited. Saved to server at: .*hat\.png\nImage .*hat-2\.png\n/)
  t.assert.match(result.text, /is a PNG, because other formats would change these pixels/)
  t.assert.ok((await readFile(join(folder, 'hat.png'))).equals(result.images[0] ?? Buffer.alloc(0)))
  const records = await recordsIn(folder)
  const edited = records.filter(({ origin }) => origin === 'edited')
  const composites = records.filter(({ origin }) => origin === 'composite')
  t.assert.deepEqual([edited.length, composites.length], [2, 2])
  t.assert.deepEqual(new Set(composites.flatMap(({ parents }) => parents)), new Set(edited.map(({ id }) => id)))
  t.assert.deepEqual(
    edited.map(({ isNamed }) => isNamed),
    [false, false],
  )
})

test('a job keeps its strokes, and its result is the composite; a repeated call is not paid again', async (t: TestContext) => {
  const { url, simulator } = await startService(t, flux)
  const source = await png(width, height)
  const args = { image_data_base64: base64(source), prompt: 'a hat', idempotency_key: 'one', ...keep }
  const { text } = await callTool(url, 'edit_image', { ...args, job: true })
  const job_id = /job_[0-9a-f]{32}/.exec(text)?.[0]
  await assertKept(t, source, await callTool(url, 'get_job', { job_id, wait_ms: 20_000 }))
  const direct = { ...args, idempotency_key: 'two' }
  const first = await callTool(url, 'edit_image', direct)
  const again = await callTool(url, 'edit_image', direct)
  t.assert.deepEqual(again.images, first.images)
  t.assert.equal(simulator.requests.length, 2)
  const other = {
    ...direct,
    mask_strokes: [{ mode: 'add', size: 9, points: [5, 5] }],
    image_data_base64: base64(source),
  }
  await callTool(url, 'edit_image', other)
  t.assert.equal(simulator.requests.length, 3, 'other strokes are another call')
})

test('without the library the composite is returned all the same', async (t: TestContext) => {
  const { url, images } = await startService(t, { ...flux, LIBRARY: 'off' })
  const source = await png(width, height)
  const result = await callTool(url, 'edit_image', { image_data_base64: base64(source), prompt: 'a hat', ...keep })
  await assertKept(t, source, result)
  t.assert.doesNotMatch(result.text, /img_/)
  t.assert.deepEqual(await recordsIn(images), [])
})

test('a result that cannot be composed is returned as Azure sent it, and stored', async (t: TestContext) => {
  // Of the source, which is smaller; the result has more pixels.
  const { url, images: folder } = await startService(t, { ...flux, MAX_IMAGE_PIXELS: '10000' })
  const args = { image_data_base64: base64(await png(width, height)), prompt: 'a hat', output_path: 'hat.png' }
  const { isError, text, images } = await callTool(url, 'edit_image', { ...args, ...keep })
  t.assert.equal(isError, false, text)
  t.assert.match(text, /The pixels outside the mask could not be kept/)
  t.assert.ok(Number((await sharp(images[0]).metadata()).width) > width)
  t.assert.ok((await readFile(join(folder, 'hat.png'))).equals(images[0] ?? Buffer.alloc(0)))
  t.assert.deepEqual(
    (await recordsIn(folder)).map(({ origin, isNamed }) => ({ origin, isNamed })),
    [{ origin: 'edited', isNamed: true }],
  )
})

test('one receipt has the ids of both images', async (t: TestContext) => {
  const { url, images, logs } = await startService(t, flux)
  const source = { image_data_base64: base64(await png(width, height)), prompt: 'a hat' }
  await callTool(url, 'edit_image', { ...source, ...keep })
  const receipts = logs.entries.filter(({ msg }) => msg === 'receipt')
  t.assert.equal(receipts.length, 1)
  t.assert.partialDeepStrictEqual(receipts[0], { count: 1 })
  const ids = (await recordsIn(images)).map(({ id }) => id).sort()
  t.assert.equal(ids.length, 2)
  for (const id of ids) t.assert.ok(JSON.stringify(receipts[0]).includes(String(id)))
})
