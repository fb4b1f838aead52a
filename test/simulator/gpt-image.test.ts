import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import type { SimulatorOptions } from '../../simulator/app.ts'
import { drawImage } from '../../simulator/image.ts'
import { codeOf, imagesOf, postForm, postJson, startSimulator } from '../support/simulator.ts'

const v1 = '/openai/v1/images'
const square = await drawImage({ prompt: 'a hill', width: 256, height: 256, format: 'png' })

interface StreamData {
  type: string
  b64_json?: string
  partial_image_index?: number
  usage?: { output_tokens: number }
  data?: unknown
}

async function eventsOf(response: Response): Promise<StreamData[]> {
  const text = await response.text()
  return text
    .split(/\r?\n\r?\n/)
    .map((event) => event.split(/\r?\n/).flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : [])))
    .filter((lines) => lines.length > 0)
    .map((lines) => JSON.parse(lines.join('\n')))
}

test('v1 requires the model in the body and rejects dated versions', async (t: TestContext) => {
  const { url } = await startSimulator(t, { deployments: { mine: 'gpt-image-2' } })
  const body = { prompt: 'x', size: '1024x640' }
  const post = async (query: string, more: object) => {
    const response = await postJson(`${url}${v1}/generations${query}`, { ...body, ...more })
    return response.status === 200 ? 200 : [response.status, await codeOf(response)]
  }
  t.assert.strictEqual(await post('?api-version=preview', { model: 'mine' }), 200)
  t.assert.strictEqual(await post('', { model: 'mine' }), 200)
  t.assert.deepStrictEqual(await post('?api-version=2025-04-01-preview', { model: 'mine' }), [400, 'BadRequest'])
  t.assert.deepStrictEqual(await post('?api-version=preview', {}), [400, 'missing_required_parameter'])
  t.assert.deepStrictEqual(await post('?api-version=preview', { model: 'gpt-image-2' }), [404, 'DeploymentNotFound'])
})

test('gpt-image-2 accepts any size within its rules', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const status = async (size: string) =>
    (await postJson(`${url}${v1}/generations`, { model: 'gpt-image-2', prompt: 'x', size, quality: 'low' })).status
  const sizes = ['1280x720', '1281x720', '3856x1088', '2048x512', '640x640', 'auto']
  const statuses: number[] = []
  for (const size of sizes) statuses.push(await status(size))
  t.assert.deepStrictEqual(statuses, [200, 400, 400, 400, 400, 200])
})

test('returns n images with properties and usage', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const fields = {
    model: 'gpt-image-1',
    prompt: 'four words of prompt',
    n: 2,
    quality: 'low',
    output_format: 'jpeg',
    output_compression: 60,
  }
  const response = await postJson(`${url}${v1}/generations`, fields)
  const body = (await response.clone().json()) as Record<string, unknown>
  t.assert.partialDeepStrictEqual(body, {
    usage: { input_tokens: 5, output_tokens: 544, total_tokens: 549 },
    output_format: 'jpeg',
    quality: 'low',
    size: '1024x1024',
    background: 'opaque',
  })
  const images = await imagesOf(response)
  t.assert.strictEqual(images.length, 2)
  t.assert.ok(!images[0]?.equals(images[1] ?? Buffer.alloc(0)))
  t.assert.strictEqual((await sharp(images[0]).metadata()).format, 'jpeg')
})

test('a transparent background has alpha 0', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const fields = { model: 'gpt-image-1', prompt: 'x', background: 'transparent' }
  const [image] = await imagesOf(await postJson(`${url}${v1}/generations`, fields))
  t.assert.strictEqual((await sharp(image).stats()).isOpaque, false)
})

test('edits only where the mask is transparent', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const mask = await sharp({ create: { width: 256, height: 256, channels: 4, background: '#000' } })
    .png()
    .toBuffer()
  const form = [
    ['model', 'gpt-image-1'],
    ['prompt', 'invert'],
    ['size', '1024x1024'],
    ['input_fidelity', 'high'],
    ['image', square],
  ] as const
  const pixels = (image: Buffer | undefined) => sharp(image).removeAlpha().raw().toBuffer()
  const [stored] = await imagesOf(await postForm(`${url}${v1}/edits`, [...form, ['mask', mask]]))
  const [edited] = await imagesOf(await postForm(`${url}${v1}/edits`, form))
  const enlarged = await pixels(await sharp(square).resize(1024, 1024, { fit: 'cover' }).png().toBuffer())
  t.assert.ok((await pixels(stored)).equals(enlarged))
  t.assert.ok(!(await pixels(edited)).equals(enlarged))
})

test('the mini models reject input_fidelity', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const form = [
    ['model', 'gpt-image-1-mini'],
    ['prompt', 'x'],
    ['input_fidelity', 'high'],
    ['image', square],
  ] as const
  t.assert.strictEqual(await codeOf(await postForm(`${url}${v1}/edits`, form)), 'invalid_value')
})

test('streams partial images and then the final one', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const fields = { model: 'gpt-image-2', prompt: 'x', size: '1024x640', stream: true, partial_images: 2 }
  const response = await postJson(`${url}${v1}/generations`, fields)
  t.assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
  t.assert.ok(response.headers.get('apim-request-id'))
  const events = await eventsOf(response)
  t.assert.deepStrictEqual(
    events.map(({ type, partial_image_index }) => [type, partial_image_index]),
    [
      ['image_generation.partial_image', 0],
      ['image_generation.partial_image', 1],
      ['image_generation.completed', undefined],
    ],
  )
  const { width } = await sharp(Buffer.from(events[2]?.b64_json ?? '', 'base64')).metadata()
  t.assert.strictEqual(width, 1024)
  t.assert.ok((events[2]?.usage?.output_tokens ?? 0) > 0)
  t.assert.ok(events.every((event) => !('data' in event)))
  const edit = await postForm(`${url}${v1}/edits`, [
    ['model', 'gpt-image-1'],
    ['prompt', 'blur'],
    ['stream', 'true'],
    ['image', square],
  ])
  t.assert.deepStrictEqual(
    (await eventsOf(edit)).map(({ type }) => type),
    ['image_edit.completed'],
  )
})

test('a low-quality image is complete before its second partial image', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const fields = { model: 'gpt-image-1', prompt: 'x', quality: 'low', stream: true, partial_images: 3 }
  t.assert.strictEqual((await eventsOf(await postJson(`${url}${v1}/generations`, fields))).length, 2)
})

test('an idle call ends with 408, which partial images prevent', async (t: TestContext) => {
  const options: SimulatorOptions = { latencyMs: 300, limits: { silentCallMs: 200, silentStreamMs: 100 } }
  const { url } = await startSimulator(t, options)
  const status = async (more: object) =>
    (await postJson(`${url}${v1}/generations`, { model: 'gpt-image-1', prompt: 'x', quality: 'low', ...more })).status
  t.assert.strictEqual(await status({}), 408)
  t.assert.strictEqual(await status({ stream: true, partial_images: 0 }), 408)
  t.assert.strictEqual(await status({ stream: true, partial_images: 1 }), 200)
})

test('faults of event streams', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const stream = (fault: Parameters<typeof simulator.faults.next>[1]) => {
    simulator.faults.next(1, fault)
    const fields = { model: 'gpt-image-2', prompt: 'x', size: '1024x640', stream: true, partial_images: 1 }
    return postJson(`${url}${v1}/generations`, fields)
  }
  t.assert.deepStrictEqual(
    (await eventsOf(await stream('stream-error'))).map(({ type }) => type),
    ['image_generation.partial_image', 'error'],
  )
  t.assert.strictEqual((await eventsOf(await stream('no-image')))[1]?.b64_json, undefined)
  t.assert.strictEqual((await eventsOf(await stream('pretty'))).length, 2)
  t.assert.strictEqual((await eventsOf(await stream({ name: 'drip', ms: 1 }))).length, 2)
  const half = await stream('half-body')
  t.assert.strictEqual(half.status, 200)
  await t.assert.rejects(half.text(), TypeError)
})
