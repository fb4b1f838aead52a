import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { drawImage } from '../../simulator/image.ts'
import { codeOf, imagesOf, key, postForm, postJson, startSimulator } from '../support/simulator.ts'

const draw = '/mai/v1/images/generations'
const edits = '/mai/v1/images/edits'
const model = 'MAI-Image-2.5'
const tall = await drawImage({ prompt: 'a tower', width: 300, height: 400, format: 'jpeg' })

test('returns one PNG whatever n is, with edges that are multiples of 16', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const response = await postJson(url + draw, { model, prompt: 'x', n: 4, width: 781, height: 1024 })
  const body = (await response.clone().json()) as { usage: Record<string, number>; created?: number }
  t.assert.deepStrictEqual(body.usage, { num_input_text_tokens: 1, num_input_image_tokens: 0, num_output_tokens: 768 })
  const images = await imagesOf(response)
  t.assert.strictEqual(images.length, 1)
  const { format, width, height } = await sharp(images[0]).metadata()
  t.assert.deepStrictEqual([format, width, height], ['png', 768, 1024])
})

test('edits preserve the aspect ratio and accept size and a version without effect', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const image = new File([new Uint8Array(tall)], 'tower.jpg', { type: 'image/jpeg' })
  const response = await postForm(`${url}${edits}?api-version=preview`, [
    ['model', model],
    ['prompt', 'invert'],
    ['size', '64x64'],
    ['image', image],
  ])
  const { format, width, height } = await sharp((await imagesOf(response))[0]).metadata()
  t.assert.deepStrictEqual([format, width, height], ['png', 880, 1168])
})

test("rejects with MAI's errors", async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const prompt = 'x'
  const cases: [string, object, number, string][] = [
    ['seed', { model, prompt, seed: 1 }, 400, 'unsupported_request_value'],
    ['quality', { model, prompt, quality: 'high' }, 400, 'unsupported_request_value'],
    ['response_format', { model, prompt, response_format: 'b64_json' }, 400, 'unsupported_request_value'],
    ['size', { model, prompt, size: '1024x1024' }, 400, 'unsupported_request_value'],
    ['too small', { model, prompt, width: 512, height: 1024 }, 400, 'unsupported_request_value'],
    ['beyond the budget of 2.5', { model, prompt, width: 1536, height: 1536 }, 400, 'unsupported_request_value'],
    ['grounding on 2.5', { model, prompt, web_grounding: true }, 400, 'unsupported_request_value'],
    ['no model', { prompt }, 400, 'missing_required_parameter'],
    ['unknown model', { model: 'unknown', prompt }, 404, 'DeploymentNotFound'],
    ['model of another route', { model: 'gpt-image-2', prompt }, 400, 'OperationNotSupported'],
  ]
  for (const [name, body, status, code] of cases) {
    const response = await postJson(url + draw, body)
    t.assert.deepStrictEqual([response.status, await codeOf(response)], [status, code], name)
  }
  const larger = await postJson(url + draw, {
    model: 'MAI-Image-2.6',
    prompt,
    width: 1536,
    height: 1536,
    auto_aspect_ratio: false,
  })
  t.assert.strictEqual(larger.status, 200)
  const form = [
    ['model', model],
    ['prompt', 'x'],
    ['image', await sharp(tall).png().toBuffer()],
  ] as const
  for (const extra of [
    ['width', '1024'],
    ['mask', form[2][1]],
    ['image[]', form[2][1]],
  ] as const) {
    t.assert.strictEqual((await postForm(url + edits, [...form, extra])).status, 400, extra[0])
  }
  simulator.faults.next(1, 'content-filter')
  t.assert.strictEqual(await codeOf(await postJson(url + draw, { model, prompt })), 'content_safety_violation')
})

test('edits accept up to five images as a repeated field, and on later models a size and a background', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const image = await sharp(tall).png().toBuffer()
  const form = (count: number): [string, string | Buffer][] => [
    ['model', 'MAI-Image-2.7'],
    ['prompt', 'invert'],
    ['width', '2000'],
    ['height', '1000'],
    ['background', 'opaque'],
    ...Array.from({ length: count }, (): [string, Buffer] => ['image', image]),
  ]
  const response = await postForm(url + edits, form(5))
  const { width, height } = await sharp((await imagesOf(response))[0]).metadata()
  t.assert.deepStrictEqual([width, height], [2000, 992])
  t.assert.strictEqual((await postForm(url + edits, form(6))).status, 400)
  const largest = { model: 'MAI-Image-2.7-Flash', prompt: 'x', width: 2048, height: 2048, background: 'transparent' }
  t.assert.strictEqual((await postJson(url + draw, largest)).status, 200)
  for (const wrong of [
    { ...largest, width: 2064 },
    { ...largest, background: 'auto' },
    { ...largest, seed: 1 },
    { ...largest, negative_prompt: 'x' },
    { ...largest, model: 'MAI-Image-2.6', width: 1024, height: 1024 },
  ]) {
    t.assert.strictEqual(await codeOf(await postJson(url + draw, wrong)), 'unsupported_request_value')
  }
})

test('rejects keys as bearer', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const response = await postJson(url + draw, { model, prompt: 'x' }, { authorization: `Bearer ${key}` })
  t.assert.strictEqual(response.status, 401)
})
