import { describe, type TestContext, test } from 'node:test'
import { listen } from '../support/app.ts'
import { afterBody, fakeAzure, imageResult } from '../support/fake-azure.ts'
import { fixture, pngChunk } from '../support/images/images.ts'
import { exif, stored, tagged } from '../support/images/oriented.ts'
import { assertUpright, cornerMask, cornerRegion, filesOf, fourCorners, look } from '../support/images/upright.ts'
import { callTool } from '../support/service.ts'

const prompt = 'a lighthouse'
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

const turnedMask = async (orientation: number) => {
  const png = await stored(cornerMask, orientation).png().toBuffer()
  return Buffer.concat([png.subarray(0, 33), pngChunk('eXIf', exif(orientation)), png.subarray(33)])
}

describe('sizes, masks, regions and references refer to the image as displayed', () => {
  for (const [format, tag] of Object.entries(tagged)) {
    test(format, async (t: TestContext) => {
      const { url, azure } = await startEditing(t)
      for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 6000]) {
        const name = `orientation ${orientation}`
        const base64 = (await tag(fourCorners, orientation)).toString('base64')
        const common = { prompt, image_data_base64: base64, reference_images_base64: [base64] }
        const upright = await stored(cornerMask, 1).png().toBuffer()
        const masks = [
          { mask_region: cornerRegion },
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
