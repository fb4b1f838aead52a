import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { listen } from '../support/app.ts'
import { afterBody, fakeAzure, imageResult, type SeenRequest } from '../support/fake-azure.ts'
import { fixture, pngChunk } from '../support/images/images.ts'
import { type Drawing, exif, type Pixel, stored, tagged } from '../support/images/oriented.ts'
import { callTool } from '../support/service.ts'

const prompt = 'a lighthouse'
const width = 64
const height = 48

const corners: readonly Pixel[] = [
  [250, 10, 10, 255],
  [10, 250, 10, 255],
  [10, 10, 250, 255],
  [240, 240, 10, 255],
]
const cornerAt = (x: number, y: number): number => (x < width / 2 ? 0 : 1) + (y < height / 2 ? 0 : 2)

/** Four colours, one a corner. */
const image: Drawing = { width, height, at: (x, y) => corners[cornerAt(x, y)] ?? [0, 0, 0, 255] }
/** Transparent at the top left only. */
const mask: Drawing = { width, height, at: (x, y) => [0, 0, 0, cornerAt(x, y) === 0 ? 0 : 255] }
const region = { x: 0, y: 0, width: width / 2, height: height / 2 }

async function startEditing(t: TestContext) {
  const azure = await fakeAzure(
    t,
    afterBody((response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(imageResult))
    }),
  )
  const { url } = await listen(t, {
    AZURE_BASE_URL: azure.url,
    AZURE_DEPLOYMENT_NAME: 'gpt-image-1.5',
    AZURE_MODEL: 'gpt-image-1.5',
    TOOL_CALLS_PER_MINUTE: '0',
    RATE_LIMIT_PER_MINUTE: '100000',
  })
  return { url, azure }
}

async function filesOf({ body, headers }: SeenRequest): Promise<{ images: Buffer[]; masks: Buffer[] }> {
  const form = await new Response(new Uint8Array(body), {
    headers: { 'content-type': headers['content-type'] ?? '' },
  }).formData()
  const files: { images: Buffer[]; masks: Buffer[] } = { images: [], masks: [] }
  for (const [name, value] of form) {
    if (!(value instanceof File)) continue
    const list = name === 'mask' ? files.masks : files.images
    list.push(Buffer.from(await value.arrayBuffer()))
  }
  return files
}

/** The orientation tag, and what a decoder that applies it sees. */
async function look(bytes: Buffer) {
  const { orientation = 1 } = await sharp(bytes).metadata()
  const { data, info } = await sharp(bytes).autoOrient().ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  const inner = [
    [8, 8],
    [info.width - 9, 8],
    [8, info.height - 9],
    [info.width - 9, info.height - 9],
  ] as const
  const seen = inner.map(([x, y]) => [...data.subarray((y * info.width + x) * 4, (y * info.width + x) * 4 + 4)])
  return { orientation, size: `${info.width}x${info.height}`, seen }
}

async function assertUpright(t: TestContext, bytes: Buffer | undefined, name: string): Promise<void> {
  t.assert.ok(bytes !== undefined, name)
  const { orientation, size, seen } = await look(bytes)
  t.assert.deepStrictEqual([orientation, size], [1, '64x48'], name)
  for (const [index, pixel] of seen.entries()) {
    const wanted = corners[index] ?? []
    const distance = Math.max(...pixel.map((value, channel) => Math.abs(value - (wanted[channel] ?? 0))))
    t.assert.ok(distance < 40, `${name}: corner ${index} is ${pixel}, not ${wanted}`)
  }
}

const turnedMask = async (orientation: number) => {
  const png = await stored(mask, orientation).png().toBuffer()
  return Buffer.concat([png.subarray(0, 33), pngChunk('eXIf', exif(orientation)), png.subarray(33)])
}

describe('sizes, masks, regions and references refer to the image as displayed', () => {
  for (const [format, tag] of Object.entries(tagged)) {
    test(format, async (t: TestContext) => {
      const { url, azure } = await startEditing(t)
      for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 6000]) {
        const name = `orientation ${orientation}`
        const base64 = (await tag(image, orientation)).toString('base64')
        const common = { prompt, image_data_base64: base64, reference_images_base64: [base64] }
        const upright = await stored(mask, 1).png().toBuffer()
        const masks = [
          { mask_region: region },
          { mask_base64: upright.toString('base64') },
          { mask_base64: (await turnedMask(orientation)).toString('base64') },
          {},
        ]
        for (const args of masks) {
          const { isError, text } = await callTool(url, 'edit_image', { ...common, ...args })
          t.assert.strictEqual(isError, false, `${name}: ${text}`)
          const request = azure.seen.at(-1)
          t.assert.ok(request)
          const sent = await filesOf(request)
          t.assert.strictEqual(sent.images.length, 2)
          for (const bytes of sent.images) await assertUpright(t, bytes, name)
          if (Object.keys(args).length === 0) continue
          const [seenMask] = sent.masks
          t.assert.ok(seenMask)
          const { orientation: tagLeft, size, seen } = await look(seenMask)
          t.assert.deepStrictEqual([tagLeft, size], [1, '64x48'], name)
          t.assert.deepStrictEqual(
            seen.map((pixel) => pixel[3]),
            [0, 255, 255, 255],
            name,
          )
        }
      }
    })
  }

  test('the default size is that of the displayed image', async (t: TestContext) => {
    const { url, azure } = await startEditing(t)
    for (const name of ['phone-orient6.jpg', 'phone-orient6.png', 'phone-orient6.webp']) {
      const image_data_base64 = (await fixture(name)).toString('base64')
      const { text } = await callTool(url, 'edit_image', { prompt, image_data_base64 })
      t.assert.match(text, /\(900x1200 was sent/, name)
      t.assert.match(azure.seen.at(-1)?.body.toString('latin1') ?? '', /name="size"\r\n\r\n1024x1536\r\n/, name)
    }
  })

  test('a mask is as large as the displayed image', async (t: TestContext) => {
    const { url, azure } = await startEditing(t)
    const image_data_base64 = (await fixture('phone-orient6.jpg')).toString('base64')
    const withMask = async (name: string) =>
      callTool(url, 'edit_image', { prompt, image_data_base64, mask_base64: (await fixture(name)).toString('base64') })
    t.assert.strictEqual((await withMask('mask-upright-900x1200.png')).isError, false)
    const { isError, text } = await withMask('mask-stored-1200x900.png')
    t.assert.strictEqual(isError, true)
    t.assert.strictEqual(text, 'The mask must be as large as the upright image (it is 1200x900, the image 900x1200).')
    t.assert.strictEqual(azure.seen.length, 1)
  })
})
