import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { listen } from '../support/app.ts'
import { fakeAzure, imageResult, responding } from '../support/fake-azure.ts'
import { noisePng, png, pngOf } from '../support/images/images.ts'
import { callTool, post, startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

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

const kindsOf = (content: readonly { type: string }[]) => content.map(({ type }) => type)
/** The service in front of an Azure that returns these images and other members. */
async function serviceReturning(t: TestContext, images: readonly Buffer[], environment = {}, more: object = {}) {
  const data = images.map((image) => ({ b64_json: image.toString('base64') }))
  const azure = await fakeAzure(t, responding(200, { created: 1, data, ...more }))
  return await listen(t, { AZURE_BASE_URL: azure.url, AZURE_DEPLOYMENT_NAME: 'gpt-image-2', ...environment })
}

test('a saved image that is in the response has no link, and the text ends with its path', async (t: TestContext) => {
  const { url, images: folder } = await startService(t)
  const { content } = await callNewest(url, 'generate_image', { prompt, output_path: 'a/b.png' })
  t.assert.deepStrictEqual(kindsOf(content), ['text', 'image', 'text'])
  t.assert.strictEqual(
    content[0].text,
    `Image successfully generated. Saved to server at: ${join(folder, 'a', 'b.png')}`,
  )
})

test('a preview has a link to the whole image, for clients that know links, and the link can be read', async (t: TestContext) => {
  const { url, images: folder } = await startService(t, { INLINE_IMAGE_MAX_BYTES: '20000' })
  const { content } = await callNewest(url, 'generate_image', { prompt, output_path: 'a/b.png' })
  t.assert.deepStrictEqual(kindsOf(content), ['text', 'image', 'text', 'resource_link'])
  const [, , note, link] = content
  t.assert.partialDeepStrictEqual(link, { name: 'a/b.png', mimeType: 'image/png' })
  t.assert.match(link.uri, /^image:\/\/img_[0-9a-z]{26}$/)
  t.assert.ok(note.text.includes(link.uri), note.text)
  const read = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: link.uri } }
  const { response } = await post(url, JSON.stringify(read))
  const [resource] = Object(response.result).contents
  t.assert.strictEqual(resource.blob, (await readFile(join(folder, 'a/b.png'))).toString('base64'))

  const plain = await callTool(url, 'generate_image', { prompt })
  t.assert.deepStrictEqual(kindsOf(plain.content), ['text', 'image', 'text'])
})

test('the first text is the line of the guide, and every other fact stands in one text after the images', async (t: TestContext) => {
  const { url, images: folder } = await serviceReturning(t, [noisePng(20), noisePng(30)], { REPORT_COST: 'true' })
  await writeFile(join(folder, 'x.png'), 'mine')
  const args = { prompt, n: 2, size: '1024x1024', output_path: 'x.jpg', output_format: 'png' }
  const { content } = await callNewest(url, 'generate_image', args)
  t.assert.deepStrictEqual(kindsOf(content), ['text', 'image', 'image', 'text'])
  const lines = [2, 3].map((number) => `Image successfully generated. Saved to server at: ${folder}/x-${number}.png`)
  t.assert.strictEqual(content[0].text, lines.join('\n'))
  const notes = content[3].text.split('\n')
  t.assert.deepStrictEqual(notes.slice(0, 2), [
    'The file extension differs from the requested one because the image is image/png.',
    'A number was added to the file name because a file with that name exists, and files are never replaced.',
  ])
  t.assert.match(notes[2], /^Image 1: Image id: img_/)
  t.assert.match(notes[3], /^Image 1: Size: 20x20 \(1024x1024 was /)
  t.assert.match(notes[4], /^Image 2: Image id: img_/)
  t.assert.match(notes[5], /^Image 2: Size: 30x30 \(1024x1024 was /)
})

test('the images of one call are numbered as a set, without a note on its own files', async (t: TestContext) => {
  const { url, images: folder } = await serviceReturning(t, [noisePng(8), noisePng(9), noisePng(10)])
  const args = { prompt, n: 3, output_path: 'x.png' }
  const results = await Promise.all([1, 2, 3].map(() => callNewest(url, 'generate_image', args)))
  const sets: number[][] = results.map(({ content }) =>
    [...content[0].text.matchAll(/x(?:-(\d+))?\.png$/gm)].map(([, number]) => Number(number ?? 1)),
  )
  t.assert.deepStrictEqual(
    sets.toSorted(([a = 0], [b = 0]) => a - b),
    [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ],
  )
  t.assert.strictEqual((await readdir(folder)).filter((name) => name.endsWith('.png')).length, 9)
  for (const [index, { content }] of results.entries()) {
    const text = content.map((block: { text?: string }) => block.text ?? '').join()
    t.assert.strictEqual(text.includes('file with that name exists'), sets[index]?.[0] !== 1, text)
  }
})

test('fewer images than requested are counted, with the reason that the response states', async (t: TestContext) => {
  const reasons: readonly [object, RegExp][] = [
    [{}, /^2 of 4 images were returned; Azure does not say why\.$/m],
    [
      { content_filter_results: { violence: { filtered: true }, hate: { filtered: false } } },
      /^2 of 4 images were returned; Azure's content filter removed the others \(violence\)\.$/m,
    ],
    [
      { url: 'https://not-allowed.example/x.png' },
      /^2 of 4 images were returned; the others could not be downloaded\.$/m,
    ],
    [{ b64_json: 'no base64!' }, /^2 of 4 images were returned; the rest of the response could not be read\.$/m],
    [
      { error: { code: 'moderation_blocked', message: 'x' } },
      /^2 of 4 images were returned; Azure's content filter removed the others\.$/m,
    ],
  ]
  for (const [entry, expected] of reasons) {
    const azure = await fakeAzure(
      t,
      responding(200, { created: 1, data: [imageResult.data[0], entry, imageResult.data[0], entry] }),
    )
    const { url } = await listen(t, { AZURE_BASE_URL: azure.url, AZURE_DEPLOYMENT_NAME: 'gpt-image-2' })
    const { content } = await callTool(url, 'generate_image', { prompt, n: 4 })
    t.assert.deepStrictEqual(kindsOf(content), ['text', 'image', 'image', 'text'])
    t.assert.strictEqual(content[0]?.text, 'Image successfully generated.\nImage successfully generated.')
    t.assert.match(content[3]?.text ?? '', expected)
  }
})

test('the limit is shared by the images of a response, and small ones stay whole', async (t: TestContext) => {
  const [small, large] = [noisePng(40), noisePng(300)]
  const limit = 100_000
  const images = [large, small, large, small]
  const { url } = await serviceReturning(t, images, { INLINE_IMAGE_MAX_BYTES: String(limit) })
  const { content } = await callNewest(url, 'generate_image', { prompt, n: 4, output_path: 'x.png' })
  t.assert.deepStrictEqual(kindsOf(content), [
    ...['text', 'image', 'image', 'image', 'image', 'text'],
    ...['resource_link', 'resource_link'],
  ])
  const blocks = content.slice(1, 5)
  t.assert.deepStrictEqual(
    blocks.map(({ mimeType }: { mimeType: string }) => mimeType),
    ['image/jpeg', 'image/png', 'image/jpeg', 'image/png'],
  )
  t.assert.strictEqual(blocks[1].data, small.toString('base64'))
  const total = blocks.reduce((sum: number, { data }: { data: string }) => sum + data.length, 0)
  t.assert.ok(total <= limit && total > limit / 2, `${total}`)
  t.assert.match(content[5].text, /^Image 1: The image is a preview of \d+x\d+; the saved file has/m)
  t.assert.match(content[5].text, /^Image 3: The image is a preview/m)
})

test('a repeated result has the same content as the first, with one more line in its notes', async (t: TestContext) => {
  for (const limit of ['0', '20000']) {
    const { url } = await startService(t, { INLINE_IMAGE_MAX_BYTES: limit })
    const args = { prompt, output_path: 'x.png', idempotency_key: 'k' }
    const { content: first } = await callNewest(url, 'generate_image', args)
    const { content: again } = await callNewest(url, 'generate_image', args)
    const note = 'This is the result of your earlier call with the same idempotency key; nothing was paid again for it.'
    const notes = first.find(({ type }: { type: string }, index: number) => type === 'text' && index > 0)?.text
    const expected = { type: 'text', text: notes === undefined ? note : `${notes}\n${note}` }
    t.assert.deepStrictEqual(again, [...first.slice(0, 2), expected, ...first.slice(3)])
  }
})

test('image_path over HTTP gets its own message, whatever else is wrong', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  const { text, isError } = await callTool(url, 'edit_image', { image_path: '/etc/hostname' })
  t.assert.strictEqual(isError, true)
  t.assert.match(text, /^image_path does not work over HTTP.*image_data_base64\.$/)
  t.assert.strictEqual(simulator.requests.length, 0)
})

for (const [what, target, library] of [
  ['under the requested name', 'large.png', 'on'],
  ['without the library under a generated name', undefined, 'off'],
] as const) {
  test(`saves an image that is too large for the client ${what}, and returns a preview`, async (t: TestContext) => {
    const limit = 20_000
    const { url, images: folder } = await startService(t, { LIBRARY: library, INLINE_IMAGE_MAX_BYTES: String(limit) })
    const args = { prompt, ...(target === undefined ? {} : { output_path: target }) }
    const { text, content, images } = await callTool(url, 'generate_image', args)
    const path = /Saved to server at: (.*)/.exec(text)?.[1] ?? ''
    if (target !== undefined) t.assert.strictEqual(path, join(folder, target))
    t.assert.match(text, /The image is a preview of \d+x\d+; the saved file has the full size of 1024x1024\./)
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

test('an image of which no preview can be made is saved, and the result says where it is', async (t: TestContext) => {
  const huge = pngOf({ width: 16_385, height: 200, data: deflateSync(Buffer.alloc(4_000_000), { level: 0 }) })
  const { url } = await serviceReturning(t, [huge], { LIBRARY: 'off', INLINE_IMAGE_MAX_BYTES: '20000' })
  const { content, isError } = await callNewest(url, 'generate_image', { prompt })
  t.assert.ok(isError !== true)
  t.assert.deepStrictEqual(kindsOf(content), ['text', 'text', 'resource_link'])
  const path = /Saved to server at: (.*)$/.exec(content[0].text)?.[1] ?? ''
  t.assert.ok((await readFile(path)).equals(huge))
  t.assert.match(content[1].text, /no preview of it can be made; the saved file has the full size of 16385x200\./)
})

test('the path in the text is one line without invisible characters, wherever the images folder is', async (t: TestContext) => {
  const folder = join(await temporaryFolder(t), 'odd\nimages\u202e')
  const { url } = await startService(t, { IMAGES_DIR: folder })
  const { content } = await callTool(url, 'generate_image', { prompt, output_path: 'x.png' })
  t.assert.match(
    content[0]?.text ?? '',
    /^Image successfully generated\. Saved to server at: .*odd\ufffdimages\ufffd\/x\.png$/,
  )
  t.assert.ok((await readdir(folder)).includes('x.png'))
})
