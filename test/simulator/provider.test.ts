import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { drawImage } from '../../simulator/image.ts'
import { codeOf, imagesOf, key, postJson, startSimulator } from '../support/simulator.ts'

const provider = '/providers/blackforestlabs/v1'
const query = '?api-version=preview'
const wide = await drawImage({ prompt: 'a hill', width: 600, height: 300, format: 'png' })
const input_image = wide.toString('base64')

async function describe(response: Response) {
  const [image] = await imagesOf(response)
  const { format, width, height } = await sharp(image).metadata()
  return `${format} ${width}x${height}`
}

test('returns a JPEG of 1024 × 1024 by default, and ignores size', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const draw = async (model: string, path: string, more: object) =>
    describe(await postJson(`${url}${provider}/${path}${query}`, { model, prompt: 'x', ...more }))
  t.assert.strictEqual(await draw('FLUX.2-pro', 'flux-2-pro', { size: '512x512' }), 'jpeg 1024x1024')
  t.assert.strictEqual(
    await draw('flux.2-PRO', 'flux-2-pro', { width: 519, height: 320, output_format: 'png' }),
    'png 512x320',
  )
  t.assert.strictEqual(
    await draw('FLUX.2-flex', 'flux-2-flex', { width: 1008, height: 752, steps: 20, guidance: 3 }),
    'jpeg 1008x752',
  )
  t.assert.strictEqual(await draw('FLUX-1.1-pro', 'flux-pro-1.1', { width: 512, height: 512 }), 'jpeg 512x512')
  t.assert.strictEqual(
    await draw('FLUX.1-Kontext-pro', 'flux-kontext-pro', { aspect_ratio: '16:9', width: 512, height: 512 }),
    'jpeg 1360x768',
  )
})

test('edits the image in input_image, and ignores a field called image', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const edit = (fields: object) =>
    postJson(`${url}${provider}/flux-2-pro${query}`, {
      model: 'FLUX.2-pro',
      prompt: 'remove all colours',
      output_format: 'png',
      ...fields,
    })
  const isGrey = async (response: Response) => {
    const { channels } = await sharp((await imagesOf(response))[0]).stats()
    const means = channels.slice(0, 3).map(({ mean }) => Math.round(mean))
    return means[0] === means[1] && means[1] === means[2]
  }
  const two = await edit({ input_image, input_image_2: input_image })
  const meta = (await two.json()) as { request_meta: { input_mp: number; output_mp: number } }
  t.assert.deepStrictEqual([meta.request_meta.input_mp, meta.request_meta.output_mp], [0.34, 1])
  t.assert.strictEqual(await isGrey(await edit({ input_image })), true)
  t.assert.strictEqual(await isGrey(await edit({ image: input_image })), false)
  t.assert.deepStrictEqual(
    simulator.requests.map(({ files }) => files.map(({ field, width, height }) => [field, width, height])),
    [
      [
        ['input_image', 600, 300],
        ['input_image_2', 600, 300],
      ],
      [['input_image', 600, 300]],
      [['image', 600, 300]],
    ],
  )
})

test('Kontext preserves the aspect ratio of its input', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const body = { model: 'FLUX.1-Kontext-pro', prompt: 'blur', input_image, output_format: 'png' }
  t.assert.strictEqual(
    await describe(await postJson(`${url}${provider}/flux-kontext-pro${query}`, body)),
    'png 1440x720',
  )
})

test('equal seeds give equal images', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const draw = async (seed: number) => {
    const body = { model: 'FLUX.2-pro', prompt: 'x', seed, width: 256, height: 256, output_format: 'png' }
    return (await imagesOf(await postJson(`${url}${provider}/flux-2-pro${query}`, body)))[0]?.toString('base64')
  }
  t.assert.strictEqual(await draw(1), await draw(1))
  t.assert.notStrictEqual(await draw(1), await draw(2))
})

test('rejects wrong paths, versions, models and values', async (t: TestContext) => {
  const { url } = await startSimulator(t, {
    deployments: { mine: 'FLUX.2-pro', 'FLUX.2-flex': 'FLUX.2-flex', old: 'FLUX-1.1-pro' },
  })
  const prompt = 'x'
  const cases: [string, string, object, number, string][] = [
    ['no version', '/flux-2-pro', { model: 'mine', prompt }, 404, '404'],
    ['dated version', '/flux-2-pro?api-version=2025-04-01-preview', { model: 'mine', prompt }, 404, '404'],
    ['unknown path', `/flux-3${query}`, { model: 'mine', prompt }, 404, '404'],
    ['flex on the path of pro', `/flux-2-pro${query}`, { model: 'FLUX.2-flex', prompt }, 404, '404'],
    ['no model for FLUX.2', `/flux-2-pro${query}`, { prompt }, 500, 'InternalServerError'],
    ['no model for FLUX.1', `/flux-pro-1.1${query}`, { prompt }, 400, 'InvalidPayload'],
    ['unknown model', `/flux-2-pro${query}`, { model: 'unknown', prompt }, 404, 'DeploymentNotFound'],
    ['webp', `/flux-2-pro${query}`, { model: 'mine', prompt, output_format: 'webp' }, 400, 'InvalidPayload'],
    [
      'five megapixels',
      `/flux-2-pro${query}`,
      { model: 'mine', prompt, width: 2560, height: 2048 },
      400,
      'InvalidPayload',
    ],
    ['size as text', `/flux-2-pro${query}`, { model: 'mine', prompt, width: '512' }, 400, 'InvalidPayload'],
    [
      'data url',
      `/flux-2-pro${query}`,
      { model: 'mine', prompt, input_image: `data:image/png;base64,${input_image}` },
      400,
      'InvalidPayload',
    ],
    [
      'ninth image',
      `/flux-2-pro${query}`,
      { model: 'mine', prompt, input_image, input_image_9: input_image },
      400,
      'InvalidPayload',
    ],
    [
      'text for an image',
      `/flux-2-pro${query}`,
      { model: 'mine', prompt, input_image: 'aGVsbG8=' },
      400,
      'InvalidPayload',
    ],
    [
      'size off the grid of 1.1',
      `/flux-pro-1.1${query}`,
      { model: 'old', prompt, width: 500, height: 500 },
      400,
      'InvalidPayload',
    ],
    ['an edit with 1.1', `/flux-pro-1.1${query}`, { model: 'old', prompt, input_image }, 400, 'OperationNotSupported'],
  ]
  for (const [name, path, body, status, code] of cases) {
    const response = await postJson(`${url}${provider}${path}`, body)
    t.assert.deepStrictEqual([response.status, await codeOf(response)], [status, code], name)
  }
})

test("accepts the model's name when the deployment has another", async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t, { deployments: { mine: 'FLUX.2-pro' } })
  const body = { model: 'flux.2-pro', prompt: 'x', width: 64, height: 64 }
  t.assert.strictEqual((await postJson(`${url}${provider}/flux-2-pro${query}`, body)).status, 200)
  t.assert.strictEqual(simulator.requests[0]?.deployment, 'mine')
})

test('accepts a key as bearer', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const body = { model: 'FLUX.2-pro', prompt: 'x', width: 64, height: 64 }
  const response = await postJson(`${url}${provider}/flux-2-pro${query}`, body, { authorization: `Bearer ${key}` })
  t.assert.strictEqual(response.status, 200)
})
