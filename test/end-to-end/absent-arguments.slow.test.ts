import { describe, type TestContext, test } from 'node:test'
import { listen } from '../support/app.ts'
import { fakeAzure, fileOf, imageResult, responding, type SeenRequest } from '../support/fake-azure.ts'
import { png } from '../support/images/images.ts'
import { listTools, makesImage } from '../support/listed-tools.ts'
import { callTool } from '../support/service.ts'

const prompt = 'a lighthouse'
const image = (await png(64, 64)).toString('base64')

/** What clients send for an argument that they do not set. */
const absent: readonly unknown[] = [
  null,
  '',
  ' \n\t',
  '\u3000',
  '\u200b',
  '\u200e\u202e',
  '\ufeff\u00ad',
  [],
  [null],
  ['', ' '],
]

/** Address and body; the boundary of a form is random. */
function wireOf({ method, url, headers, body }: SeenRequest): string {
  const [, boundary = '-'] = /boundary=(.*)/.exec(headers['content-type'] ?? '') ?? []
  return [method, url, body.toString('latin1').replaceAll(boundary, 'boundary')].join('\n')
}

describe('an optional argument that is null, blank or invisible is absent', () => {
  for (const models of [['FLUX.1-Kontext-pro'], ['FLUX.2-flex'], ['gpt-image-1.5', 'FLUX.2-pro'], ['MAI-Image-2.6']]) {
    test(`${models.join(' and ')}: the same bytes are sent, and an idempotency key matches`, async (t: TestContext) => {
      const azure = await fakeAzure(t, responding(200, imageResult))
      const environment = { TOOL_CALLS_PER_MINUTE: '0', RATE_LIMIT_PER_MINUTE: '0', LOG_LEVEL: 'silent' }
      const deployments = models.map((name) => ({ name, deployment: name }))
      const file = await fileOf(t, { deployments })
      const { url } = await listen(t, { AZURE_BASE_URL: azure.url, AZURE_DEPLOYMENTS_FILE: file, ...environment })
      const tools = (await listTools(url)).filter(makesImage)
      for (const { name, inputSchema } of tools) {
        const { required = [], properties } = inputSchema
        const call = async (more: object) => {
          const args = { ...more, prompt, ...(name === 'edit_image' ? { image_data_base64: image } : {}) }
          const { isError, text } = await callTool(url, name, args)
          t.assert.equal(isError, false, `${name} ${JSON.stringify(more)}: ${text}`)
        }
        const idempotency_key = `key-of-${name}`
        await call({})
        const [plain] = azure.seen.splice(0)
        t.assert.ok(plain)
        await call({ idempotency_key })
        azure.seen.splice(0)
        for (const argument of Object.keys(properties).filter((key) => !required.includes(key))) {
          const members = Object.keys(properties[argument]?.properties ?? {})
          const filledIn = members.flatMap((_, index) => Object.fromEntries(members.map((key) => [key, absent[index]])))
          for (const value of [...absent, ...filledIn]) {
            await call({ [argument]: value })
            const [request, ...others] = azure.seen.splice(0)
            t.assert.ok(request)
            t.assert.equal(others.length, 0)
            t.assert.equal(wireOf(request), wireOf(plain), `${name} ${argument} ${JSON.stringify(value)}`)
            if (argument === 'idempotency_key') continue
            await call({ [argument]: value, idempotency_key })
            t.assert.equal(azure.seen.length, 0, `${name} ${argument} ${JSON.stringify(value)} is another call`)
          }
        }
      }
    })
  }

  test('quoted numbers, other cases and spellings are the same call as the plain ones', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const { url } = await listen(t, { AZURE_BASE_URL: azure.url, AZURE_DEPLOYMENT_NAME: 'gpt-image-1.5' })
    const plain = { n: 2, output_format: 'jpeg', output_compression: 50, size: '1024x1536', quality: 'high' }
    const spellings: readonly object[] = [
      plain,
      { ...plain, n: '2', output_compression: ' 50 ' },
      { ...plain, n: '2.0', output_compression: '+50' },
      { ...plain, output_format: 'jpg', quality: 'HIGH' },
      { ...plain, output_format: ' JPEG ', quality: ' High' },
      { ...plain, output_format: 'image/jpeg' },
      { ...plain, size: ' 1024 X 1536 ' },
      { ...plain, size: '1024×1536' },
    ]
    for (const spelling of spellings) {
      const { isError, text } = await callTool(url, 'generate_image', { prompt, idempotency_key: 'one', ...spelling })
      t.assert.equal(isError, false, `${JSON.stringify(spelling)}: ${text}`)
    }
    t.assert.equal(azure.seen.length, 1)
    t.assert.match(azure.seen[0]?.body.toString() ?? '', /"output_format":"jpeg","output_compression":50/)
  })
})

test('a ratio of the list is accepted in any spelling', async (t: TestContext) => {
  const azure = await fakeAzure(t, responding(200, imageResult))
  const { url } = await listen(t, { AZURE_BASE_URL: azure.url })
  for (const aspect_ratio of ['21:9', ' 21 : 9', '21/9', '21：9']) {
    const { isError, text } = await callTool(url, 'generate_image', { prompt, aspect_ratio })
    t.assert.equal(isError, false, `${aspect_ratio}: ${text}`)
    t.assert.match(azure.seen.at(-1)?.body.toString() ?? '', /"aspect_ratio":"21:9"/)
  }
})

describe('half a surrogate pair or an invisible name is rejected before Azure is called', () => {
  const rejected: readonly [name: string, value: unknown, sentence: RegExp][] = [
    ['output_path', 'a\ud83d.png', /"output_path" contains half a surrogate pair/],
    ['output_path', '\udc00/b.png', /"output_path" contains half a surrogate pair/],
    ['output_path', 'a\u200bb.png', /control characters/],
    ['output_path', '\u200d.png', /no visible character/],
    ['output_path', '\u3164/b.png', /control characters/],
    ['output_path', '\u2800/b.png', /no visible character/],
    ['output_path', 'a\u0000b.png', /control characters/],
    ['idempotency_key', 'a\ud83d', /half a surrogate pair/],
    ['size', '1024x1024\ud83d', /half a surrogate pair/],
    ['quality', 'high\ud83d', /half a surrogate pair/],
    ['output_format', 'p\u0000ng', /"output_format" must be one of/],
    ['prompt', 'a\ud83d', /"prompt" contains half a surrogate pair/],
    ['prompt', '\u200b', /"prompt" is blank/],
    ['prompt', '\u200e\u200f\u202e\u2069', /"prompt" is blank/],
    ['mask_base64', 'iVBOR\ud83d', /half a surrogate pair/],
    ['reference_images_base64', ['iVBOR\ud83d'], /half a surrogate pair/],
  ]
  test('in every argument', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const { url } = await listen(t, { AZURE_BASE_URL: azure.url, AZURE_DEPLOYMENT_NAME: 'gpt-image-1.5' })
    for (const [name, value, sentence] of rejected) {
      const args = { prompt, image_data_base64: image, [name]: value }
      const { isError, text } = await callTool(url, 'edit_image', args)
      t.assert.equal(isError, true, `${name} ${JSON.stringify(value)}`)
      t.assert.match(text, sentence)
      t.assert.equal(text.isWellFormed(), true)
    }
    const { isError } = await callTool(url, 'edit_image', { prompt, image_data_base64: image, model: 'a\ud83d' })
    t.assert.equal(isError, true)
    t.assert.equal(azure.seen.length, 0)
  })
})
