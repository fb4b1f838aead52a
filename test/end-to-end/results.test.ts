import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { listen } from '../support/app.ts'
import { fakeAzure, responding } from '../support/fake-azure.ts'
import { png, pngOf } from '../support/images/images.ts'
import { callTool, post, startService } from '../support/service.ts'

const prompt = 'a lighthouse'

/** Calls a tool under a revision that knows everything. */
async function callNewest(url: string, name: string, args: object) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
  })
  return Object(await response.json()).result
}

test('links a saved image for clients that know links, and the link can be read', async (t: TestContext) => {
  const { url } = await startService(t)
  const { content } = await callNewest(url, 'generate_image', { prompt, output_path: 'a/b.png' })
  t.assert.deepStrictEqual(
    content.map(({ type }: { type: string }) => type),
    ['text', 'image', 'resource_link'],
  )
  const [, image, link] = content
  t.assert.partialDeepStrictEqual(link, { uri: 'image:///a/b.png', name: 'a/b.png', mimeType: 'image/png' })
  const read = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: link.uri } }
  const { response } = await post(url, JSON.stringify(read))
  t.assert.deepStrictEqual(Object(response.result).contents, [
    { uri: link.uri, mimeType: 'image/png', blob: image.data },
  ])
})

test("returns the guide's content to a plain caller, without links", async (t: TestContext) => {
  const { url } = await startService(t)
  const { content } = await callTool(url, 'generate_image', { prompt, output_path: 'b.png' })
  t.assert.deepStrictEqual(
    content.map(({ type }) => type),
    ['text', 'image'],
  )
})

test('image_path over HTTP gets its own message, whatever else is wrong', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  const { text, isError } = await callTool(url, 'edit_image', { image_path: '/etc/hostname' })
  t.assert.strictEqual(isError, true)
  t.assert.match(text, /^image_path does not work over HTTP.*image_data_base64\.$/)
  t.assert.strictEqual(simulator.requests.length, 0)
})

for (const [what, target] of [
  ['under the requested name', 'large.png'],
  ['under a generated name', undefined],
] as const) {
  test(`saves an image that is too large for the client ${what}, and returns a preview`, async (t: TestContext) => {
    const limit = 20_000
    const { url, images: folder } = await startService(t, { INLINE_IMAGE_MAX_BYTES: String(limit) })
    const args = { prompt, ...(target === undefined ? {} : { output_path: target }) }
    const { text, content, images } = await callTool(url, 'generate_image', args)
    const path = /Saved to server at: (.*)/.exec(text)?.[1] ?? ''
    if (target !== undefined) t.assert.strictEqual(path, join(folder, target))
    t.assert.match(text, /The image below is a preview of \d+x\d+; the saved file has the full size of 1024x1024\./)
    t.assert.strictEqual(content[1]?.mimeType, 'image/jpeg')
    t.assert.ok((content[1]?.data?.length ?? 0) <= limit)
    const preview = await sharp(images[0]).metadata()
    const whole = await sharp(await readFile(path)).metadata()
    t.assert.strictEqual(preview.format, 'jpeg')
    t.assert.deepStrictEqual([whole.format, whole.width, whole.height], ['png', 1024, 1024])
  })
}

test('returns an image within the limit whole, without saving it', async (t: TestContext) => {
  const { url } = await startService(t, { INLINE_IMAGE_MAX_BYTES: '50000000' })
  const { text } = await callTool(url, 'edit_image', { prompt, image_data_base64: (await png()).toString('base64') })
  t.assert.doesNotMatch(text, /Saved|preview/)
})

test('an image beyond the limits is stored and returned whole, without a preview', async (t: TestContext) => {
  const huge = pngOf({ width: 16_385, height: 200, data: deflateSync(Buffer.alloc(4_000_000), { level: 0 }) })
  const b64_json = huge.toString('base64')
  const azure = await fakeAzure(t, responding(200, { created: 1, data: [{ b64_json }] }))
  const { url } = await listen(t, { AZURE_BASE_URL: azure.url, INLINE_IMAGE_MAX_BYTES: '20000' })
  const { text, isError, images } = await callTool(url, 'generate_image', { prompt })
  t.assert.strictEqual(isError, false, text)
  t.assert.match(text, /Saved to server at: /)
  t.assert.doesNotMatch(text, /preview/)
  t.assert.ok(images[0]?.equals(huge))
})
