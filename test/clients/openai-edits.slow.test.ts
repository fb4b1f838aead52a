import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import OpenAI, { APIError, toFile } from 'openai'
import sharp from 'sharp'
import { jpeg, png } from '../support/images/images.ts'
import { type Service, startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The official client edits images. */

const key = '0123456789abcdef0123456789abcdef'

const clientOf = (url: string, apiKey = key) => new OpenAI({ baseURL: `${url}/v1`, apiKey })

const startEditing = (t: TestContext, model: string): Promise<Service> =>
  startService(t, { MCP_API_KEYS: `app:${key}`, AZURE_DEPLOYMENT_NAME: model })

const pngFile = async (name = 'image.png') => await toFile(await png(48, 48), name, { type: 'image/png' })

async function sizeOf(base64: string | undefined): Promise<string> {
  const { width, height, format } = await sharp(Buffer.from(String(base64), 'base64')).metadata()
  return `${format} ${width}x${height}`
}

const lastFiles = ({ simulator }: Service) => simulator.requests.at(-1)?.files.map(({ field }) => field)

test('edits a file, a stream and several images', async (t: TestContext) => {
  const service = await startEditing(t, 'FLUX.2-pro')
  const client = clientOf(service.url)
  const one = await client.images.edit({ image: await pngFile(), prompt: 'in snow', size: '512x512' })
  t.assert.equal(await sizeOf(one.data?.[0]?.b64_json), 'png 512x512')
  t.assert.ok(Math.abs(one.created - Date.now() / 1000) < 60)

  const path = join(await temporaryFolder(t), '图 "1".jpg')
  await writeFile(path, await jpeg(64, 64))
  const streamed = await client.images.edit({ image: createReadStream(path), prompt: 'in snow', size: '512x512' })
  t.assert.equal(await sizeOf(streamed.data?.[0]?.b64_json), 'png 512x512')

  const image = [await pngFile('a.png'), await pngFile('b.png'), await pngFile('c.png')]
  const several = await client.images.edit({ image, prompt: 'all three', size: '512x512' })
  t.assert.equal(several.data?.length, 1)
  t.assert.equal(lastFiles(service)?.length, 3)
})

test('edits with a mask, and every member that the model takes', async (t: TestContext) => {
  const service = await startEditing(t, 'gpt-image-1')
  const transparent = sharp({ create: { width: 48, height: 48, channels: 4, background: '#0000' } }).png()
  const { data, usage, output_format } = await clientOf(service.url).images.edit({
    model: 'gpt-image-1',
    image: await pngFile(),
    mask: await toFile(await transparent.toBuffer(), 'mask.png', { type: 'image/png' }),
    prompt: 'a hat',
    n: 2,
    size: '1024x1024',
    quality: 'low',
    background: 'auto',
    input_fidelity: 'high',
    output_format: 'jpeg',
    output_compression: 60,
    user: 'ann',
  })
  t.assert.equal(await sizeOf(data?.[1]?.b64_json), 'jpeg 1024x1024')
  t.assert.equal(output_format, 'jpeg')
  t.assert.ok((usage?.total_tokens ?? 0) > 0)
  t.assert.deepEqual(lastFiles(service), ['image', 'mask'])
  t.assert.equal(service.simulator.requests.length, 1)
})

test('what the model cannot do is an error of the client that is not repeated, and nothing is sent', async (t: TestContext) => {
  const { url, simulator } = await startEditing(t, 'FLUX.1-Kontext-pro')
  const client = clientOf(url)
  const failure = async (edit: Promise<unknown>): Promise<APIError> => {
    const error: unknown = await edit.then(
      () => undefined,
      (thrown) => thrown,
    )
    if (error instanceof APIError) return error
    throw new Error('no error of the API', { cause: error })
  }
  const masked = await failure(client.images.edit({ image: await pngFile(), mask: await pngFile(), prompt: 'x' }))
  t.assert.deepEqual([masked.status, masked.param, masked.type], [400, 'mask', 'invalid_request_error'])
  t.assert.match(masked.message, /does not support mask/)
  const broken = await failure(
    client.images.edit({ image: await toFile(Buffer.from('no image'), 'a.png'), prompt: 'x' }),
  )
  t.assert.deepEqual([broken.status, broken.code], [400, 'image_type'])
  const unknown = await failure(client.images.edit({ image: await pngFile(), prompt: 'x', model: 'dall-e-2' }))
  t.assert.deepEqual([unknown.status, unknown.code], [404, 'model_not_found'])
  const stranger = await failure(clientOf(url, 'wrong').images.edit({ image: await pngFile(), prompt: 'x' }))
  t.assert.deepEqual([stranger.status, stranger.code], [401, 'invalid_api_key'])
  t.assert.ok(masked.requestID)
  t.assert.equal(simulator.requests.length, 0)
})

test('an edit that failed after it had gone to Azure is not repeated by the client', async (t: TestContext) => {
  const { url, simulator } = await startEditing(t, 'FLUX.1-Kontext-pro')
  for (const fault of ['reset', 'half-body', 'gateway-timeout-html']) {
    simulator.requests.length = 0
    const edit = clientOf(url).images.edit({ image: await pngFile(), prompt: `x fault:${fault}` })
    await t.assert.rejects(edit, (error) => error instanceof APIError && error.status === 424)
    t.assert.equal(simulator.requests.length, 1, fault)
  }
})

test('an image of the first response is edited by its id, without being sent', async (t: TestContext) => {
  const service = await startEditing(t, 'FLUX.2-pro')
  const client = clientOf(service.url)
  const { data } = await client.images.generate({ prompt: 'a fox', size: '512x512' })
  const { id } = Object(data?.[0])
  t.assert.match(id, /^img_/)
  const body = { prompt: 'in snow', size: '512x512', images: [{ file_id: id }] }
  const edited = await client.post<OpenAI.ImagesResponse>('/images/edits', { body })
  t.assert.equal(await sizeOf(edited.data?.[0]?.b64_json), 'png 512x512')
})

// https://github.com/lobehub/lobehub/blob/main/packages/model-runtime/src/core/openaiCompatibleFactory/createImage.ts
test("LobeHub's members, which the client sends as they are", async (t: TestContext) => {
  const client = clientOf((await startEditing(t, 'FLUX.1-Kontext-pro')).url)
  const generation = {
    model: 'FLUX.1-Kontext-pro',
    n: 1,
    prompt: 'a fox',
    seed: 7,
    cfg: undefined,
    aspectRatio: undefined,
  }
  t.assert.ok((await client.images.generate(generation)).data?.[0]?.b64_json)
  const edit = {
    model: 'FLUX.1-Kontext-pro',
    n: 1,
    input_fidelity: 'high' as const,
    prompt: 'in snow',
    image: await pngFile(),
  }
  t.assert.ok((await client.images.edit(edit)).data?.[0]?.b64_json)
})

test('streams an edit, whose event has the whole image', async (t: TestContext) => {
  const client = clientOf((await startEditing(t, 'FLUX.2-pro')).url)
  const stream = await client.images.edit({ image: await pngFile(), prompt: 'in snow', size: '512x512', stream: true })
  const events: OpenAI.ImageEditStreamEvent[] = []
  for await (const event of stream) events.push(event)
  t.assert.deepEqual(
    events.map(({ type }) => type),
    ['image_edit.completed'],
  )
  t.assert.equal(await sizeOf(events[0]?.b64_json), 'png 512x512')
})
