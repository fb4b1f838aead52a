import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { gif, plainPng, png, pngOf, webp } from '../support/images/images.ts'
import { callTool, startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const prompt = 'a lighthouse'

/** Selects the deployment route, as the guide does. */
const deploymentRoute = { AZURE_API_VERSION: '2025-04-01-preview' }

describe('generate_image', () => {
  test('uses DEFAULT_IMAGE_SIZE without a size', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { ...deploymentRoute, DEFAULT_IMAGE_SIZE: '512x768' })
    t.assert.equal((await callTool(url, 'generate_image', { prompt })).isError, false)
    t.assert.match(JSON.stringify(simulator.requests[0]), /512x768/)
  })

  test('sends prompts in any language unchanged', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    t.assert.equal((await callTool(url, 'generate_image', { prompt: '山上的日落 🌄' })).isError, false)
    t.assert.match(JSON.stringify(simulator.requests[0]), /山上的日落 🌄/)
  })

  test('never replaces a file, even with concurrent calls, and reports the actual paths', async (t: TestContext) => {
    const { url, images } = await startService(t)
    const responses = await Promise.all(
      Array.from({ length: 4 }, () => callTool(url, 'generate_image', { prompt, output_path: 'cat.png' })),
    )
    const paths = responses.map(({ text }) => /Saved to server at: (.*)/.exec(text)?.[1]).sort()
    t.assert.deepEqual(
      paths,
      ['cat-2.png', 'cat-3.png', 'cat-4.png', 'cat.png'].map((name) => join(images, name)),
    )
    t.assert.deepEqual((await readdir(images)).filter((name) => !name.startsWith('.')).sort(), [
      'cat-2.png',
      'cat-3.png',
      'cat-4.png',
      'cat.png',
    ])
  })

  test('fixes a file extension that does not match the image, and says so', async (t: TestContext) => {
    const { url, images } = await startService(t)
    const { text } = await callTool(url, 'generate_image', { prompt, output_path: 'deep/er/cat.gif' })
    t.assert.match(text, /^Image successfully generated\. Saved to server at: .*cat\.png\n/)
    t.assert.match(text, /The file extension differs from the requested one because the image is image\/png/)
    t.assert.deepEqual(
      (await readdir(join(images, 'deep/er'))).filter((name) => !name.startsWith('.')),
      ['cat.png'],
    )
  })

  test('returns an image that cannot be saved, with a note', async (t: TestContext) => {
    const occupied = join(await temporaryFolder(t), 'a-file-where-the-folder-should-be')
    await writeFile(occupied, '')
    const { url, app } = await startService(t, { IMAGES_DIR: occupied })
    const { text, isError, images } = await callTool(url, 'generate_image', { prompt, output_path: 'cat.png' })
    t.assert.equal(isError, false)
    t.assert.match(
      text,
      /^Image successfully generated\.\nThe image was not saved: .*\. The image is included in this response\.$/,
    )
    t.assert.equal(images.length, 1)
    t.assert.match((await app.inject('/ready')).body, /"images":"unwritable"/)
    t.assert.match(
      (await app.inject('/metrics')).body,
      /^image_mcp_images_not_saved_total\{code="IMG_ERR_STORE_\w+"\} 1$/m,
    )
  })

  test('rejects a path outside the folder before Azure is called', async (t: TestContext) => {
    const outside = await temporaryFolder(t)
    const { url, images, simulator } = await startService(t)
    await mkdir(images, { recursive: true })
    await symlink(outside, join(images, 'link'))
    const paths = [
      '../up.png',
      join(outside, 'a.png'),
      'link/a.png',
      'a/../../up.png',
      '.hidden.png',
      'nul\0.png',
      `${'x'.repeat(300)}.png`,
    ]
    for (const output_path of paths) {
      const { text, isError } = await callTool(url, 'generate_image', { prompt, output_path })
      t.assert.equal(isError, true, output_path)
      t.assert.match(text, /path/i)
    }
    t.assert.deepEqual(await readdir(outside), [])
    t.assert.equal(simulator.requests.length, 0)
  })

  for (const [what, args, sentence] of [
    ['no prompt', {}, /prompt/],
    ['an empty prompt', { prompt: '' }, /prompt/],
    ['a prompt of a megabyte', { prompt: 'x'.repeat(1_000_000) }, /prompt/],
    ['a number for a prompt', { prompt: 7 }, /prompt/],
    ['a malformed size', { prompt, size: 'big' }, /size/],
    ['a size of nothing', { prompt, size: '0x0' }, /size/],
    ['an unknown argument', { prompt, colour: 'red' }, /colour/],
  ] as const) {
    test(`rejects ${what} before Azure is called`, async (t: TestContext) => {
      const { url, simulator } = await startService(t)
      const { text, isError } = await callTool(url, 'generate_image', args)
      t.assert.equal(isError, true)
      t.assert.match(text, sentence)
      t.assert.ok(text.length < 500)
      t.assert.equal(simulator.requests.length, 0)
    })
  }
})

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('edit_image', () => {
  test('reports a result that has another size than the image', async (t: TestContext) => {
    const { url } = await startService(t, deploymentRoute)
    const base64 = (await png(300, 200)).toString('base64')
    const { text } = await callTool(url, 'edit_image', { image_data_base64: base64, prompt })
    t.assert.match(text, /^Image successfully edited\.\nImage id: .*\nSize: 1024x1024 \(300x200 was sent\)\.$/)
  })

  test('sends a PNG byte for byte', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    const image = await png(640, 480)
    await callTool(url, 'edit_image', { image_data_base64: image.toString('base64'), prompt })
    t.assert.ok(JSON.stringify(simulator.requests[0]).includes(digestOf(image)))
  })

  test('sends the large images of concurrent calls without mixing them up', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    const images = Array.from({ length: 12 }, (_, shade) => plainPng(500, shade))
    for (let round = 0; round < 2; round++) {
      await Promise.all(
        images.map((bytes) => callTool(url, 'edit_image', { image_data_base64: bytes.toString('base64'), prompt })),
      )
    }
    const seen = JSON.stringify(simulator.requests)
    const counts = images.map((bytes) => seen.split(digestOf(bytes)).length - 1)
    t.assert.deepEqual(counts, Array(12).fill(2))
  })

  test('rejects a large invalid image exactly like a small one', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { MAX_IMAGE_BYTES: '100000' })
    const sentenceOf = async (length: number, header = '') => {
      const image_data_base64 = header + Buffer.alloc(length, 'text ').toString('base64')
      return await callTool(url, 'edit_image', { image_data_base64, prompt })
    }
    t.assert.deepEqual(await sentenceOf(60_000), await sentenceOf(40_000))
    t.assert.deepEqual(
      await sentenceOf(60_000, 'data:text/html;base64,'),
      await sentenceOf(40_000, 'data:text/html;base64,'),
    )
    t.assert.deepEqual(await sentenceOf(60_000, 'data:image/png,'), await sentenceOf(40_000, 'data:image/png,'))
    t.assert.match((await sentenceOf(100_001)).text, /100000 bytes/)
    t.assert.equal(simulator.requests.length, 0)
  })

  test('treats long base64 outside image arguments as plain text', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    const base64 = (await png()).toString('base64')
    const long = 'abcd'.repeat(30_000)
    for (const args of [
      { prompt: long },
      { prompt, output_path: long },
      { prompt, size: long },
      { prompt, [long]: long },
    ]) {
      const { isError, text } = await callTool(url, 'edit_image', { image_data_base64: base64, ...args })
      t.assert.equal(isError, true, text.slice(0, 200))
      t.assert.ok(text.length < 500)
    }
    t.assert.equal(simulator.requests.length, 0)
  })

  for (const [format, make] of [
    ['WebP', webp],
    ['GIF', gif],
  ] as const) {
    test(`converts a ${format} for Azure`, async (t: TestContext) => {
      const { url } = await startService(t)
      const base64 = (await make(64, 64)).toString('base64')
      const { isError, text } = await callTool(url, 'edit_image', { image_data_base64: base64, prompt })
      t.assert.equal(isError, false, text)
    })
  }

  for (const [what, data, sentence] of [
    ['truncated base64', 'iVBORw0KGgoAAAANS', /base64/],
    ['a text file', Buffer.from('hello, world, this is text').toString('base64'), /text/],
    ['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64'), /SVG/],
    ['a path', '/home/me/cat.png', /path/],
    ['a web address', 'https://example.com/cat.png', /URL/],
    [
      'a header that promises 50,000 x 50,000 pixels',
      pngOf({ width: 50_000, height: 50_000 }).toString('base64'),
      /50000x50000/,
    ],
  ] as const) {
    test(`rejects ${what} before Azure is called`, async (t: TestContext) => {
      const { url, simulator } = await startService(t)
      const { text, isError } = await callTool(url, 'edit_image', { image_data_base64: data, prompt })
      t.assert.equal(isError, true)
      t.assert.match(text, sentence)
      t.assert.equal(simulator.requests.length, 0)
    })
  }

  test('logs and metrics contain no prompt, image or key', async (t: TestContext) => {
    const { url, logs } = await startService(t, { LOG_LEVEL: 'trace' })
    const image = (await png(64, 64)).toString('base64')
    await callTool(url, 'edit_image', { image_data_base64: image, prompt: 'unspeakable words' })
    await callTool(url, 'edit_image', { image_data_base64: `${image}!`, prompt: 'fault:content-filter unspeakable' })
    const metrics = await (await fetch(`${url}/metrics`)).text()
    for (const hidden of ['unspeakable', image.slice(0, 40), 'simulated-key']) {
      t.assert.equal(logs.text.includes(hidden), false, hidden)
      t.assert.equal(metrics.includes(hidden), false, hidden)
    }
    t.assert.match(metrics, /image_mcp_tool_calls_total\{tool="edit_image",outcome="ok",door="mcp"\} 1/)
  })
})

test('the file on disk is the returned image', async (t: TestContext) => {
  const { url, images: folder } = await startService(t)
  const { images } = await callTool(url, 'generate_image', { prompt, output_path: 'a b/中文.png' })
  t.assert.deepEqual(await readFile(join(folder, 'a b/中文.png')), images[0])
})
