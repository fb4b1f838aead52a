import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { drawing, gif, png } from '../support/images/images.ts'
import { callTool, type Service, startService } from '../support/service.ts'

const gptImage = { AZURE_DEPLOYMENT_NAME: 'gpt-image-1' }
const unknownId = 'img_01kb0000000000000000000000'
const idIn = (text: string) => /Image id: (img_[0-9a-z]{26})/.exec(text)?.[1] ?? ''
const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

async function generate({ url }: Service, args: object = {}) {
  const { text, images } = await callTool(url, 'generate_image', { prompt: 'a fox', size: '1024x1024', ...args })
  return { id: idIn(text), bytes: images[0] ?? Buffer.alloc(0) }
}

async function recordOf({ images }: Service, id: string): Promise<Record<string, unknown>> {
  const names = await readdir(images, { recursive: true })
  return JSON.parse(await readFile(join(images, names.find((name) => name.endsWith(`${id}.json`)) ?? ''), 'utf8'))
}

const sentTo = ({ simulator }: Service) => simulator.requests.at(-1)?.files ?? []

describe('references to stored images', () => {
  test('take the image, the mask and further images; the result knows them all but the mask, each once', async (t: TestContext) => {
    const service = await startService(t, gptImage)
    const [one, two, three] = [await generate(service), await generate(service), await generate(service)]
    const hole = await drawing(300, 200, 3).png().toBuffer()
    const mask = await drawing(1024, 1024, 4)
      .composite([{ input: hole, blend: 'dest-out' }])
      .png()
      .toBuffer()
    await writeFile(join(service.images, 'mask.png'), mask)
    const { text, isError } = await callTool(service.url, 'edit_image', {
      prompt: 'merge them',
      image: one.id,
      mask_image: 'image:///mask.png',
      reference_images: [`image://${two.id}`, three.id, two.id],
      reference_images_base64: [two.bytes.toString('base64'), one.id],
    })
    t.assert.equal(isError, false, text)
    const sent = sentTo(service)
    t.assert.deepEqual(
      sent.filter(({ field }) => field === 'image[]').map(({ sha256 }) => sha256),
      [one, two, three, two, two, one].map(({ bytes }) => hash(bytes)),
    )
    t.assert.equal(sent.filter(({ field }) => field === 'mask').length, 1)
    t.assert.deepEqual((await recordOf(service, idIn(text))).parents, [one.id, two.id, three.id])
  })

  test('are read in every form in which models write them', async (t: TestContext) => {
    const service = await startService(t)
    const { id, bytes } = await generate(service)
    const { text: linkText } = await callTool(service.url, 'get_image', { id, as: 'link' })
    const link = /http:\S+/.exec(linkText)?.[0] ?? ''
    const forms = [
      id,
      id.toUpperCase(),
      `  ${id}\n`,
      `"${id}"`,
      `\`${id}\``,
      `image://${id}`,
      `image://${id}/`,
      `IMAGE://${id.toUpperCase()}`,
      `<image://${id}>`,
      `Image id: ${id} (pass it as "image" to edit_image).`,
      `${id}.png`,
      link,
      link.replace('127.0.0.1', 'images.example.com'),
      link.replace(/s=.*/, 's=wrong'),
      'last',
      '"Last"',
    ]
    for (const form of forms) {
      const { isError, text } = await callTool(service.url, 'edit_image', {
        prompt: `as ${form.length}`,
        // The newest image is that of the previous edit.
        ...(/last/i.test(form) ? { image: form } : { image_data_base64: form }),
      })
      t.assert.equal(isError, false, `${form}: ${text}`)
      if (!/last/i.test(form)) t.assert.equal(sentTo(service)[0]?.sha256, hash(bytes), form)
      if (/last/i.test(form)) continue
      const same = await callTool(service.url, 'get_image', { id: form, as: 'image' })
      t.assert.ok(same.images[0]?.equals(bytes), form)
    }
  })

  test('may be the path that a result reported, or the output_path of the call', async (t: TestContext) => {
    const keys = { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789' }
    const { url, images } = await startService(t, { ...gptImage, ...keys })
    const as = (name: string) => ({ 'x-api-key': `key-of-${name}-0123456789` })
    const made = { prompt: 'a fox', output_path: 'animals/fox.png' }
    const { text } = await callTool(url, 'generate_image', made, as('ann'))
    const path = /Saved to server at: (\S+)/.exec(text)?.[1]
    t.assert.equal(path, join(images, 'animals/fox.png'))
    for (const image of [path, 'animals/fox.png', ' ./animals/fox.png ']) {
      const edited = await callTool(url, 'edit_image', { prompt: 'at night', image }, as('ann'))
      t.assert.equal(edited.isError, false, edited.text)
      const ofBob = await callTool(url, 'edit_image', { prompt: 'at night', image }, as('bob'))
      const missing = await callTool(
        url,
        'edit_image',
        { prompt: 'at night', image: `x${String(image).trim()}` },
        as('bob'),
      )
      t.assert.equal(ofBob.text, missing.text, 'an image of another caller is as unknown as one that does not exist')
      t.assert.match(ofBob.text, /^image is the path of a file/)
    }
  })

  test('that name nothing are rejected before Azure is called, with what to send instead', async (t: TestContext) => {
    const service = await startService(t, gptImage)
    const { id, bytes } = await generate(service)
    const other = await generate(service)
    await writeFile(
      join(service.images, 'drawing.svg'),
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    )
    service.simulator.requests.length = 0
    const rejected: readonly (readonly [object, RegExp])[] = [
      [{ image: unknownId }, /^There is no image with the id in image: /],
      [{ image: id, reference_images: [id, unknownId] }, /the id in reference_images\[1\]/],
      [{ image: id, mask_image: unknownId }, /the id in mask_image/],
      [{ image: '/home/ann/cat.png' }, /^image is the path of a file, which this server cannot open: send the bytes/],
      [{ image: 'cat.png' }, /^image is the path of a file/],
      [{ image: 'https://example.com/cat.png' }, /^image is a web address, which this server does not fetch/],
      [{ image: `${id} and ${other.id}` }, /^image names several images/],
      [{ image: 'the fox' }, /^image names no image/],
      [{ image: `data:image/png;base64,${bytes.toString('base64')}` }, /^image contains the bytes of an image/],
      [{ image: 'image:///missing.png' }, /There is no image with this name/],
      [{ image: 'image:///drawing.svg' }, /an SVG drawing; send a PNG/],
      [{}, /exactly once: either the id of a stored image in image or its bytes in image_data_base64\.$/],
      [{ image: id, image_data_base64: bytes.toString('base64') }, /exactly once/],
      [
        { image: id, mask_image: id, mask_base64: bytes.toString('base64') },
        /send mask_image or mask_base64, not both/,
      ],
      [{ image: id, mask_image: id, mask_region: { x: 0, y: 0, width: 1, height: 1 } }, /mask_image or mask_region/],
      [
        { image: id, reference_images: Array(9).fill(id), reference_images_base64: Array(9).fill(id) },
        /at most 16 images/,
      ],
      [{ image: id, tags: ['a\nb'] }, /tags/],
    ]
    for (const [args, sentence] of rejected) {
      const { isError, text } = await callTool(service.url, 'edit_image', { prompt: 'change it', ...args })
      t.assert.equal(isError, true, text)
      t.assert.match(text, sentence)
    }
    t.assert.equal(service.simulator.requests.length, 0)
  })

  test('to a GIF convert it as one that was sent', async (t: TestContext) => {
    const service = await startService(t)
    await writeFile(join(service.images, 'a.gif'), await gif())
    const { isError, text } = await callTool(service.url, 'edit_image', {
      prompt: 'change it',
      image: 'image:///a.gif',
    })
    t.assert.equal(isError, false, text)
    t.assert.equal(sentTo(service)[0]?.format, 'png')
  })

  test('to an image larger than clients may send work', async (t: TestContext) => {
    const service = await startService(t, { MAX_IMAGE_BYTES: '1024' })
    const { id, bytes } = await generate(service)
    t.assert.ok(bytes.length > 1024)
    const { isError, text } = await callTool(service.url, 'edit_image', { prompt: 'change it', image: id })
    t.assert.equal(isError, false, text)
    const sent = await callTool(service.url, 'edit_image', {
      prompt: 'change it',
      image_data_base64: (await png(500, 500)).toString('base64'),
    })
    t.assert.match(sent.text, /larger than the limit of 1024 bytes/)
  })

  test('are not published without the library', async (t: TestContext) => {
    const { url } = await startService(t, { ...gptImage, LIBRARY: 'off' })
    for (const name of ['image', 'mask_image', 'reference_images', 'tags', 'return']) {
      const { text } = await callTool(url, 'edit_image', { prompt: 'change it', [name]: ['last'] })
      t.assert.match(text, new RegExp(`"${name}" is unknown`))
    }
  })
})
