import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { drawImage } from '../../simulator/image.ts'
import { codeOf, imagesOf, key, postForm, postJson, startSimulator } from '../support/simulator.ts'

const dated = 'api-version=2025-04-01-preview'
const kontext = `/openai/deployments/FLUX.1-Kontext-pro/images`
const small = await drawImage({ prompt: 'a hill', width: 400, height: 300, format: 'png' })

test('returns a decodable PNG of the requested size', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const response = await postJson(`${url}${kontext}/generations?${dated}`, { prompt: 'a fox', n: 1, size: '1024x768' })
  t.assert.strictEqual(response.status, 200)
  t.assert.match(response.headers.get('apim-request-id') ?? '', /^[0-9a-f-]{36}$/)
  t.assert.strictEqual(response.headers.get('x-ratelimit-limit-requests'), '6000')
  const [image] = await imagesOf(response)
  const { format, width, height } = await sharp(image).metadata()
  t.assert.deepStrictEqual({ format, width, height }, { format: 'png', width: 1024, height: 768 })
  t.assert.strictEqual(simulator.requests.length, 1)
  t.assert.deepStrictEqual(simulator.requests[0]?.fields, { prompt: 'a fox', n: 1, size: '1024x768' })
})

test('edits with Kontext are 1024 × 1024, whatever size was requested', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const response = await postForm(`${url}${kontext}/edits?${dated}`, [
    ['prompt', 'black and white'],
    ['size', '400x304'],
    ['image', small],
  ])
  t.assert.strictEqual(response.status, 200)
  const { width, height } = await sharp((await imagesOf(response))[0]).metadata()
  t.assert.deepStrictEqual([width, height], [1024, 1024])
  const [file] = simulator.requests[0]?.files ?? []
  t.assert.deepStrictEqual([file?.field, file?.mimeType, file?.width, file?.height], ['image', 'image/png', 400, 300])
})

test('rejects what Azure rejects, in the same order and with the same errors', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const prompt = 'a fox'
  const gpt = `/openai/deployments/gpt-image-1/images`
  const cases: [string, string, unknown, Record<string, string> | undefined, number, string | undefined][] = [
    ['no key', `${kontext}/generations?${dated}`, { prompt }, {}, 401, undefined],
    ['wrong key', `${kontext}/generations?${dated}`, { prompt }, { 'api-key': 'other' }, 401, '401'],
    ['wrong key before wrong path', '/nowhere', { prompt }, { 'api-key': 'other' }, 401, '401'],
    ['wrong path', '/openai/images', { prompt }, undefined, 404, '404'],
    ['no version', `${kontext}/generations`, { prompt }, undefined, 404, '404'],
    ['unknown version', `${kontext}/generations?api-version=2031-01-01`, { prompt }, undefined, 404, '404'],
    [
      'unknown deployment',
      `/openai/deployments/unknown/images/generations?${dated}`,
      { prompt },
      undefined,
      404,
      'DeploymentNotFound',
    ],
    ['model in the body', `${kontext}/generations?${dated}`, { prompt, model: 'x' }, undefined, 400, 'model_not_found'],
    [
      'response_format',
      `${gpt}/generations?${dated}`,
      { prompt, response_format: 'b64_json' },
      undefined,
      400,
      'unknown_parameter',
    ],
    ['no prompt', `${kontext}/generations?${dated}`, { n: 1 }, undefined, 400, 'missing_required_parameter'],
    ['size as a number', `${kontext}/generations?${dated}`, { prompt, size: 1024 }, undefined, 400, 'invalid_value'],
    [
      'size beyond a megapixel',
      `${kontext}/generations?${dated}`,
      { prompt, size: '2048x2048' },
      undefined,
      400,
      'invalid_value',
    ],
    [
      'size that gpt-image-1 lacks',
      `${gpt}/generations?${dated}`,
      { prompt, size: '512x512' },
      undefined,
      400,
      'invalid_value',
    ],
    ['webp', `${gpt}/generations?${dated}`, { prompt, output_format: 'webp' }, undefined, 400, 'invalid_value'],
    ['eleven images', `${gpt}/generations?${dated}`, { prompt, n: 11 }, undefined, 400, 'invalid_value'],
    [
      'a model of another route',
      `/openai/deployments/FLUX.2-pro/images/generations?${dated}`,
      { prompt },
      undefined,
      400,
      'OperationNotSupported',
    ],
    ['JSON to edits', `${kontext}/edits?${dated}`, { prompt }, undefined, 400, 'unsupported_content_type'],
    ['an array', `${kontext}/generations?${dated}`, [], undefined, 400, 'invalid_json'],
  ]
  for (const [name, path, body, headers, status, code] of cases) {
    const response = await postJson(url + path, body, headers)
    t.assert.strictEqual(response.status, status, name)
    t.assert.strictEqual(await codeOf(response), code, name)
  }
  t.assert.strictEqual(simulator.requests.length, cases.length)
})

test('edits need the API version that introduced them', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  for (const version of ['2024-02-01', '2025-03-01-preview']) {
    const form = [
      ['prompt', 'x'],
      ['image', small],
    ] as const
    t.assert.strictEqual((await postForm(`${url}${kontext}/edits?api-version=${version}`, form)).status, 404)
    t.assert.strictEqual(
      (await postJson(`${url}${kontext}/generations?api-version=${version}`, { prompt: 'x' })).status,
      200,
    )
  }
})

test('rejects files whose content does not match their type', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const edits = `${url}/openai/deployments/gpt-image-1/images/edits?${dated}`
  const file = (type: string, bytes = small) => new File([new Uint8Array(bytes)], 'a.png', { type })
  const cases: [string, Parameters<typeof postForm>[1], string][] = [
    ['octet-stream', [['image', file('application/octet-stream')]], 'unsupported_file_mimetype'],
    ['webp', [['image', file('image/webp')]], 'unsupported_file_mimetype'],
    ['PNG bytes as JPEG', [['image', file('image/jpeg')]], 'invalid_image_file'],
    ['half a PNG', [['image', small.subarray(0, small.length >> 1)]], 'invalid_image_file'],
    ['text', [['image', Buffer.from('hello')]], 'invalid_image_file'],
    ['no file', [], 'missing_required_parameter'],
    ['a string', [['image', 'aGVsbG8=']], 'invalid_type'],
    [
      'image twice',
      [
        ['image', small],
        ['image', small],
      ],
      'duplicate_parameter',
    ],
    [
      'both spellings',
      [
        ['image', small],
        ['image[]', small],
      ],
      'duplicate_parameter',
    ],
    [
      'mask of another size',
      [
        ['image', small],
        [
          'mask',
          await sharp({ create: { width: 8, height: 8, channels: 4, background: '#0000' } })
            .png()
            .toBuffer(),
        ],
      ],
      'invalid_mask_image_format',
    ],
    [
      'mask without alpha',
      [
        ['image', small],
        ['mask', small],
      ],
      'invalid_mask_image_format',
    ],
  ]
  for (const [name, parts, code] of cases) {
    const response = await postForm(edits, [['prompt', 'x'], ...parts])
    t.assert.strictEqual(response.status, 400, name)
    t.assert.strictEqual(await codeOf(response), code, name)
  }
  const several = await postForm(edits, [
    ['prompt', 'blur'],
    ['image[]', small],
    ['image[]', small],
  ])
  t.assert.strictEqual(several.status, 200)
})

test('rejects multipart for generations, and other types with 415', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const form = await postForm(`${url}${kontext}/generations?${dated}`, [
    ['prompt', 'x'],
    ['image', small],
  ])
  t.assert.deepStrictEqual([form.status, await codeOf(form)], [400, 'unsupported_content_type'])
  const text = await postJson(
    `${url}${kontext}/generations?${dated}`,
    {},
    { 'api-key': key, 'content-type': 'text/plain' },
  )
  t.assert.strictEqual(text.status, 415)
})

test('records no secrets', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t, { apiKeys: ['first', 'second-secret'] })
  await postJson(`${url}${kontext}/generations?${dated}`, { prompt: 'x' }, { 'api-key': 'second-secret' })
  await postJson(`${url}${kontext}/generations?${dated}`, { prompt: 'x' }, { authorization: 'Bearer second-secret' })
  t.assert.doesNotMatch(JSON.stringify(simulator.requests), /second-secret/)
  t.assert.deepStrictEqual(
    simulator.requests.map(({ credential }) => credential),
    [
      { kind: 'api-key', index: 1 },
      { kind: 'bearer-key', index: 1 },
    ],
  )
})

test('rejects unreadable bodies', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const post = (body: string | Buffer, type: string, operation = 'generations') =>
    fetch(`${url}${kontext}/${operation}?${dated}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : new Uint8Array(body),
      headers: { 'content-type': type, 'api-key': key },
    })
  t.assert.strictEqual((await post('{"prompt":', 'application/json')).status, 400)
  t.assert.strictEqual((await post('', 'application/json')).status, 400)
  t.assert.strictEqual((await post('--x\r\nhalf', 'multipart/form-data; boundary=x', 'edits')).status, 400)
  t.assert.strictEqual((await post('x', 'multipart/form-data', 'edits')).status, 400)
  const large = Buffer.alloc(51 * 1024 * 1024)
  const form = await postForm(`${url}${kontext}/edits?${dated}`, [
    ['prompt', 'x'],
    ['image', large],
  ])
  t.assert.deepStrictEqual([form.status, await codeOf(form)], [400, 'file_too_large'])
})
