import { describe, type TestContext, test } from 'node:test'
import { listen } from '../support/app.ts'
import { afterBody, fakeAzure, pixelPng } from '../support/fake-azure.ts'
import { pngChunk } from '../support/images/images.ts'
import {
  exif,
  exifSegment,
  pngWithChunks,
  segment,
  stored,
  tagged,
  webpWithChunks,
  withSegments,
} from '../support/images/oriented.ts'
import { assertUpright, cornerMask, cornerRegion, filesOf, fourCorners, look } from '../support/images/upright.ts'
import { callTool } from '../support/service.ts'

/** What reaches Azure, for each family of models and each way to mark a rotation. */

const prompt = 'a lighthouse'

interface Family {
  model: string
  environment?: Record<string, string>
  takesMasks: boolean
  takesReferences: boolean
  /** Of the default size of an edit of a landscape image. */
  size: 'landscape' | 'square' | 'none'
}

const gptImage: Family = {
  model: 'gpt-image-1.5',
  takesMasks: true,
  takesReferences: true,
  size: 'landscape',
}

const families: Readonly<Record<string, Family>> = {
  'gpt-image, multipart': gptImage,
  'FLUX.2, JSON': {
    model: 'FLUX.2-pro',
    takesMasks: false,
    takesReferences: true,
    size: 'landscape',
  },
  'FLUX.1, JSON': { model: 'FLUX.1-Kontext-pro', takesMasks: false, takesReferences: false, size: 'none' },
  'FLUX.1 on the deployment route, multipart': {
    model: 'FLUX.1-Kontext-pro',
    environment: { AZURE_API_DIALECT: 'deployments' },
    takesMasks: false,
    takesReferences: false,
    size: 'square',
  },
  'MAI, multipart': { model: 'MAI-Image-2.6', takesMasks: false, takesReferences: true, size: 'landscape' },
}

const result = JSON.stringify({ created: 1, data: [{ b64_json: pixelPng }] })

async function startEditing(t: TestContext, { model, environment }: Family) {
  const azure = await fakeAzure(
    t,
    afterBody((response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(result)
    }),
  )
  const { url } = await listen(t, {
    AZURE_BASE_URL: azure.url,
    AZURE_DEPLOYMENT_NAME: model,
    AZURE_MODEL: model,
    AZURE_STREAM: 'never',
    TOOL_CALLS_PER_MINUTE: '0',
    RATE_LIMIT_PER_MINUTE: '100000',
    ...environment,
  })
  async function edit(args: object, name: string) {
    const { isError, text } = await callTool(url, 'edit_image', { prompt, ...args })
    t.assert.strictEqual(isError, false, `${name}: ${text}`)
    const request = azure.seen.at(-1)
    t.assert.ok(request)
    return { ...(await filesOf(request)), body: request.body.toString('latin1'), text }
  }
  return edit
}

/** Arguments beside the image. */
function waysOf({ takesMasks, takesReferences }: Family, mask: string, image: string): Record<string, object> {
  const references = { reference_images_base64: [image, image] }
  return {
    alone: {},
    ...(takesReferences ? { 'with references': references } : {}),
    ...(takesMasks
      ? {
          'with a mask': { mask_base64: mask },
          'with a region': { mask_region: cornerRegion },
          'with references and a mask': { ...references, mask_base64: mask },
          'with references and a region': { ...references, mask_region: cornerRegion },
        }
      : {}),
  }
}

/** The default size has the shape of the image as displayed. */
function assertSize(t: TestContext, { size }: Family, body: string, what: string): void {
  const one = /name="size"\r\n\r\n(\d+)x(\d+)\r\n/.exec(body)
  const field = (name: string) => new RegExp(`"${name}"(?::|\\r\\n\\r\\n)(\\d+)`).exec(body)?.[1]
  const [width, height] = one === null ? [field('width'), field('height')] : one.slice(1)
  const shape = width === undefined ? 'none' : Number(width) > Number(height) ? 'landscape' : 'square'
  t.assert.strictEqual(shape, size, `${what}: ${width}x${height}`)
  if (shape === 'square') t.assert.strictEqual(width, height, what)
}

describe('every image reaches Azure upright', { concurrency: 2 }, () => {
  for (const [name, family] of Object.entries(families)) {
    for (const [format, tag] of Object.entries(tagged)) {
      test(`${name}: ${format}`, async (t: TestContext) => {
        const edit = await startEditing(t, family)
        const mask = (await stored(cornerMask, 1).png().toBuffer()).toString('base64')
        for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
          const image = (await tag(fourCorners, orientation)).toString('base64')
          for (const [way, args] of Object.entries(waysOf(family, mask, image))) {
            const what = `orientation ${orientation}, ${way}`
            const { images, masks, body } = await edit({ image_data_base64: image, ...args }, what)
            t.assert.strictEqual(images.length, 'reference_images_base64' in args ? 3 : 1, what)
            for (const bytes of images) await assertUpright(t, bytes, what)
            t.assert.strictEqual(masks.length, way.endsWith('a mask') || way.endsWith('a region') ? 1 : 0, what)
            for (const bytes of masks) {
              const { size, seen } = await look(bytes)
              t.assert.strictEqual(size, '64x48', what)
              t.assert.deepStrictEqual(
                seen.map((pixel) => pixel[3]),
                [0, 255, 255, 255],
                what,
              )
            }
            assertSize(t, family, body, what)
          }
        }
      })
    }
  }
})

/** Some marks are damaged, doubled, or in a place that decoders do not read. */
async function oddFiles(): Promise<Record<string, Buffer>> {
  const jpegWithExif = (file: Buffer, block: Buffer) => withSegments(file, exifSegment(block))
  const jpeg = await stored(fourCorners, 1).jpeg().toBuffer()
  const png = await stored(fourCorners, 1).png().toBuffer()
  const webp = await stored(fourCorners, 1).webp().toBuffer()
  const twice = (first: number, second: number) => {
    const block = Buffer.concat([exif(first), exif(second).subarray(10)])
    block.writeUInt16LE(2, 8)
    return Buffer.concat([block.subarray(0, 22), block.subarray(26)])
  }
  const claims = (entries: number) => {
    const block = exif(6)
    block.writeUInt16LE(entries, 8)
    return block
  }
  const xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
  const xmpSegment = segment(0xe1, Buffer.from(`http://ns.adobe.com/xap/1.0/\0${xmp}`))
  const prefixed = Buffer.concat([Buffer.from('Exif\0\0'), exif(6)])
  return {
    'JPEG, orientation 0': jpegWithExif(jpeg, exif(0)),
    'JPEG, orientation 9': jpegWithExif(jpeg, exif(9, 'MM')),
    'JPEG, the tag twice': jpegWithExif(jpeg, twice(6, 3)),
    'JPEG, the tag twice, first invalid': jpegWithExif(jpeg, twice(0, 6)),
    'JPEG, two EXIF segments': jpegWithExif(jpegWithExif(jpeg, exif(3)), exif(8, 'MM')),
    'JPEG, a damaged EXIF segment before a good one': jpegWithExif(jpegWithExif(jpeg, exif(6)), Buffer.alloc(40)),
    'JPEG, a directory that claims 40 entries': jpegWithExif(jpeg, claims(40)),
    'JPEG, an empty directory': jpegWithExif(jpeg, claims(0)),
    'JPEG, EXIF cut inside its entry': jpegWithExif(jpeg, exif(6).subarray(0, 19)),
    'JPEG, EXIF cut behind its entry': jpegWithExif(jpeg, exif(6).subarray(0, 22)),
    'JPEG, EXIF of a few bytes': jpegWithExif(jpeg, Buffer.from('II*\0')),
    'JPEG, prefixed twice': jpegWithExif(jpeg, prefixed),
    'JPEG, XMP only': Buffer.concat([jpeg.subarray(0, 2), xmpSegment, jpeg.subarray(2)]),
    'JPEG, XMP that disagrees with EXIF': jpegWithExif(
      Buffer.concat([jpeg.subarray(0, 2), xmpSegment, jpeg.subarray(2)]),
      exif(3),
    ),
    'PNG, two eXIf chunks': pngWithChunks(png, pngChunk('eXIf', exif(6)), pngChunk('eXIf', exif(3))),
    'PNG, a damaged eXIf chunk before a good one': pngWithChunks(
      png,
      pngChunk('eXIf', Buffer.alloc(4)),
      pngChunk('eXIf', exif(8)),
    ),
    'PNG, a prefixed eXIf chunk': pngWithChunks(png, pngChunk('eXIf', prefixed)),
    'PNG, orientation 9': pngWithChunks(png, pngChunk('eXIf', exif(9))),
    'PNG, cut EXIF': pngWithChunks(png, pngChunk('eXIf', exif(6).subarray(0, 19))),
    'PNG, XMP only': pngWithChunks(png, pngChunk('iTXt', Buffer.from(`XML:com.adobe.xmp\0\0\0\0\0${xmp}`))),
    'PNG, eXIf behind the end': Buffer.concat([png, pngChunk('eXIf', exif(6))]),
    'WebP without VP8X': webp,
    'WebP, EXIF before the image data': await webpWithChunks(webp, 0x08, [['EXIF', exif(6)]], []),
    'WebP, EXIF without its flag': await webpWithChunks(webp, 0, [], [['EXIF', exif(6)]]),
    'WebP, two EXIF chunks': await webpWithChunks(
      webp,
      0x08,
      [],
      [
        ['EXIF', exif(5, 'MM')],
        ['EXIF', exif(3)],
      ],
    ),
    'WebP, cut EXIF of odd length': await webpWithChunks(webp, 0x08, [], [['EXIF', exif(6).subarray(0, 19)]]),
    'WebP, orientation 0': await webpWithChunks(webp, 0x08, [], [['EXIF', exif(0, 'MM')]]),
    'WebP, XMP only': await webpWithChunks(webp, 0x04, [], [['XMP ', Buffer.from(xmp)]]),
  }
}

describe('an odd rotation mark is understood as decoders understand it', { concurrency: 2 }, () => {
  for (const [name, family] of Object.entries(families)) {
    test(name, async (t: TestContext) => {
      const edit = await startEditing(t, family)
      for (const [what, bytes] of Object.entries(await oddFiles())) {
        const shown = await look(bytes)
        const image = bytes.toString('base64')
        const region = family.takesMasks ? { mask_region: cornerRegion } : {}
        const references = family.takesReferences ? { reference_images_base64: [image] } : {}
        const { images, masks } = await edit({ image_data_base64: image, ...region, ...references }, what)
        for (const sent of images) await assertUpright(t, sent, what, shown)
        for (const mask of masks) t.assert.strictEqual((await look(mask)).size, shown.size, what)
      }
    })
  }
})

test('default size and size note are those of the image as displayed', async (t: TestContext) => {
  const portrait = { width: 48, height: 64, at: fourCorners.at }
  const edit = await startEditing(t, gptImage)
  for (const tag of Object.values(tagged)) {
    for (const orientation of [5, 6, 7, 8]) {
      const image_data_base64 = (await tag(portrait, orientation)).toString('base64')
      const { body, text, images } = await edit({ image_data_base64 }, `${orientation}`)
      t.assert.strictEqual((await look(images[0] ?? Buffer.alloc(0))).size, '48x64')
      t.assert.match(body, /name="size"\r\n\r\n1024x1536\r\n/)
      t.assert.match(text, /\(48x64 was sent/)
    }
  }
})
