import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { afterBody, fakeAzure, fileOf } from '../support/fake-azure.ts'

const svg = Buffer.from(
  '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480"><path d="M0 0"/></svg>',
)
const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==', 'base64')

/** A model that the table does not have, described by a file. */
const models = [
  {
    id: 'gpt-image-2.6-flare',
    like: 'gpt-image-2.5-flare',
    complexities: ['low', 'medium', 'high'],
    formats: ['png', 'jpeg', 'gif', 'svg'],
    price: null,
  },
]

async function start(t: TestContext, image: Buffer) {
  const azure = await fakeAzure(
    t,
    afterBody((response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ data: [{ b64_json: image.toString('base64') }] }))
    }),
  )
  const { app, images } = await buildApp(t, {
    AZURE_BASE_URL: azure.url,
    AZURE_DEPLOYMENT_NAME: 'gpt-image-2.6-flare',
    AZURE_MODELS_FILE: await fileOf(t, { models }),
    REPORT_COST: 'true',
  })
  const rpc = async (method: string, params: object) => {
    const payload = { jsonrpc: '2.0', id: 1, method, params }
    return (await app.inject({ method: 'POST', url: '/', payload })).json().result
  }
  return {
    azure,
    images,
    rpc,
    generate: (args: object) => rpc('tools/call', { name: 'generate_image', arguments: { prompt: 'A boat', ...args } }),
  }
}

describe('a model that only a models file knows', () => {
  test('publishes the arguments that its row allows, and sends them', async (t: TestContext) => {
    const { azure, rpc, generate } = await start(t, gif)
    const [tool] = (await rpc('tools/list', {})).tools
    t.assert.deepEqual(tool.inputSchema.properties.complexity.enum, ['low', 'medium', 'high'])
    t.assert.deepEqual(tool.inputSchema.properties.output_format.enum, ['png', 'jpeg', 'gif', 'svg'])
    const { content } = await generate({ complexity: 'medium', output_format: 'gif' })
    const { complexity, output_format } = JSON.parse(azure.seen[0]?.body.toString('utf8') ?? '')
    t.assert.deepEqual({ complexity, output_format }, { complexity: 'medium', output_format: 'gif' })
    t.assert.deepEqual([content[1].mimeType, content[1].data], ['image/gif', gif.toString('base64')])
    t.assert.equal((await generate({ complexity: 'extreme' })).isError, true)
  })

  test('returns a drawing byte for byte, saves it under its extension, and reports no cost', async (t: TestContext) => {
    const { azure, images, rpc, generate } = await start(t, svg)
    const { content } = await generate({ output_path: 'logo.svg' })
    t.assert.equal(JSON.parse(azure.seen[0]?.body.toString('utf8') ?? '').output_format, 'svg')
    t.assert.deepEqual([content[1].mimeType, content[1].data], ['image/svg+xml', svg.toString('base64')])
    t.assert.deepEqual(await readFile(join(images, 'logo.svg')), svg)
    t.assert.doesNotMatch(JSON.stringify(content[0]), /Cost/)
    const { contents } = await rpc('resources/read', { uri: 'image:///logo.svg' })
    t.assert.deepEqual([contents[0].mimeType, contents[0].blob], ['image/svg+xml', svg.toString('base64')])
  })
})
