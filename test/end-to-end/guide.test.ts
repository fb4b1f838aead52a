import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { png } from '../support/images/images.ts'
import { callTool, post, startService } from '../support/service.ts'

/** The calls of the deployment guide, as its readers type them. */
describe('the calls of the guide', () => {
  test('tools/list shows the two tools', async (t: TestContext) => {
    const { url } = await startService(t)
    const { status, response } = await post(
      `${url}/`,
      `{
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/list",
    "params": {}
  }`,
    )
    t.assert.equal(status, 200)
    t.assert.equal(response.id, 1)
    t.assert.match(JSON.stringify(response.result), /"name":"generate_image".*"name":"edit_image"/)
  })

  test('generate_image saves the image and returns it, with the text of the guide', async (t: TestContext) => {
    const { url, images } = await startService(t)
    const path = join(images, 'sunset.png')
    const { status, response } = await post(
      `${url}/`,
      `{
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {
      "name": "generate_image",
      "arguments": {
        "prompt": "A beautiful sunset over mountains",
        "size": "1024x1024",
        "output_path": "${path}"
      }
    }
  }`,
    )
    t.assert.equal(status, 200)
    const [text, image, note, ...others] = response.result?.content ?? []
    t.assert.match(note?.text ?? '', /^Image id: img_[0-9a-z]{26} \(pass it as "image" to edit_image\)\.$/)
    t.assert.deepEqual(others, [])
    t.assert.deepEqual(text, { type: 'text', text: `Image successfully generated. Saved to server at: ${path}` })
    t.assert.equal(image?.type, 'image')
    t.assert.equal(image?.mimeType, 'image/png')
    const bytes = Buffer.from(image?.data ?? '', 'base64')
    t.assert.deepEqual(await readFile(path), bytes)
    const { format, width, height } = await sharp(bytes).metadata()
    t.assert.deepEqual({ format, width, height }, { format: 'png', width: 1024, height: 1024 })
  })

  for (const [form, wrap] of [
    ['bare base64, wrapped as `base64` on Linux wraps it', (base64: string) => base64.replaceAll(/.{76}/g, '$&\n')],
    ['a data URL', (base64: string) => `data:image/png;base64,${base64}`],
  ] as const) {
    test(`edit_image takes ${form}`, async (t: TestContext) => {
      const { url, images } = await startService(t)
      const base64 = wrap((await png(300, 200)).toString('base64'))
      const path = join(images, 'edited.png')
      const { status, response } = await post(
        `${url}/`,
        `{
    "jsonrpc": "2.0",
    "id": 3,
    "method": "tools/call",
    "params": {
      "name": "edit_image",
      "arguments": {
        "image_data_base64": "${base64}",
        "prompt": "Make this black and white",
        "output_path": "${path}"
      }
    }
  }`,
      )
      t.assert.equal(status, 200)
      const [text, image] = response.result?.content ?? []
      t.assert.equal(text?.text?.split('\n')[0], `Image successfully edited. Saved to server at: ${path}`)
      t.assert.equal(image?.mimeType, 'image/png')
      t.assert.deepEqual(await readFile(path), Buffer.from(image?.data ?? '', 'base64'))
    })
  }

  test('an edit is of the image that was sent', async (t: TestContext) => {
    const { url } = await startService(t)
    const base64 = (await png(1024, 1024)).toString('base64')
    const { images } = await callTool(url, 'edit_image', { image_data_base64: base64, prompt: 'black and white' })
    const { channels } = await sharp(images[0]).stats()
    const [red, green, blue] = channels.map(({ mean }) => Math.round(mean))
    t.assert.deepEqual([green, blue], [red, red])
  })
})
