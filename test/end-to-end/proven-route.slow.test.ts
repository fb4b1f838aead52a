import { describe, type TestContext, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import sharp from 'sharp'
import { buildApp } from '../support/app.ts'
import { afterBody, fakeAzure, fileOf, imageResult } from '../support/fake-azure.ts'
import { type ListedTool, makesImage } from '../support/listed-tools.ts'

/** An Azure that serves FLUX.1 by one of its two routes. */
function azureWith(t: TestContext, route: 'providers' | 'openai') {
  return fakeAzure(
    t,
    afterBody((response, { url }) => {
      const isServed = url.startsWith(`/${route}/`)
      const body = isServed ? imageResult : { error: { code: 'DeploymentNotFound', message: 'Resource not found' } }
      response.writeHead(isServed ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }),
  )
}

async function rpc(app: FastifyInstance, method: string, params: object, modern = false) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const response = await app.inject({
    method: 'POST',
    url: '/mcp',
    headers: modern ? { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method } : {},
    payload: { jsonrpc: '2.0', id: 1, method, params: modern ? { ...params, _meta: meta } : params },
  })
  return response.json().result
}

/** The arguments that each tool publishes that makes images. */
async function published(app: FastifyInstance, modern = false): Promise<Record<string, string[]>> {
  const { tools } = await rpc(app, 'tools/list', {}, modern)
  return Object.fromEntries(
    tools
      .filter(makesImage)
      .map(({ name, inputSchema }: ListedTool) => [
        name,
        Object.keys(inputSchema.properties).filter((argument) =>
          /^(size|aspect_ratio|seed|output_format)$/.test(argument),
        ),
      ]),
  )
}

const png = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#456' } })
    .png()
    .toBuffer()

const ofDeployments = { generate_image: ['size'], edit_image: ['size'] }
const all = ['size', 'aspect_ratio', 'seed', 'output_format']
const ofProvider = { generate_image: all, edit_image: all }

const generate = (app: FastifyInstance, args: object) =>
  rpc(app, 'tools/call', { name: 'generate_image', arguments: { prompt: 'A boat', ...args } })

describe('what the tools of FLUX.1 publish follows the route by which Azure serves it', () => {
  for (const [version, before] of [
    [undefined, ofProvider],
    ['2025-04-01-preview', ofDeployments],
  ] as const) {
    for (const [route, then] of [
      ['providers', ofProvider],
      ['openai', ofDeployments],
    ] as const) {
      test(`the ${route} route, ${version ?? 'without an API version'}`, async (t: TestContext) => {
        const azure = await azureWith(t, route)
        const { app } = await buildApp(t, { AZURE_BASE_URL: azure.url, AZURE_API_VERSION: version })
        // Asked before too, since lists are prepared once.
        t.assert.deepEqual(await published(app), before)
        t.assert.deepEqual(await published(app, true), before)
        const made = await generate(app, {})
        t.assert.equal(made.isError, undefined, JSON.stringify(made))
        t.assert.deepEqual(await published(app), then)
        t.assert.deepEqual(await published(app, true), then)
        const again = await generate(app, { seed: 1 })
        t.assert.equal(again.isError, route === 'providers' ? undefined : true)
      })
    }
  }

  test('an argument is never dropped by moving to the other route', async (t: TestContext) => {
    const azure = await azureWith(t, 'openai')
    const { app } = await buildApp(t, { AZURE_BASE_URL: azure.url })
    for (const args of [{ seed: 1 }, { aspect_ratio: '16:9' }, { output_format: 'jpeg' }]) {
      t.assert.equal((await generate(app, args)).isError, true)
    }
    t.assert.ok(azure.seen.every(({ url }) => url.startsWith('/providers/')))
    t.assert.equal((await generate(app, { output_format: 'png' })).isError, undefined)
    t.assert.match(azure.seen.at(-1)?.url ?? '', /^\/openai\//)
  })

  test('concurrent calls do not lose their arguments to the route that one of them proves', async (t: TestContext) => {
    const azure = await azureWith(t, 'openai')
    const file = await fileOf(t, { deployments: [{ name: 'FLUX.1-Kontext-pro', rpm: 60 }] })
    const { app } = await buildApp(t, { AZURE_BASE_URL: azure.url, AZURE_DEPLOYMENTS_FILE: file })
    const results = await Promise.all([generate(app, {}), generate(app, { seed: 1 }), generate(app, { seed: 2 })])
    t.assert.deepEqual(
      results.map(({ isError }) => isError),
      [undefined, true, true],
    )
    const bodies = azure.seen.filter(({ url }) => url.startsWith('/openai/')).map(({ body }) => body.toString('utf8'))
    t.assert.equal(bodies.length, 1)
  })

  test('an edit has the shape of its image on the provider route, also while no route is proven', async (t: TestContext) => {
    const azure = await azureWith(t, 'providers')
    const { app } = await buildApp(t, { AZURE_BASE_URL: azure.url, AZURE_API_VERSION: '2025-04-01-preview' })
    const portrait = (await png(900, 1600)).toString('base64')
    for (let call = 0; call < 2; call++) {
      const args = { image_data_base64: portrait, prompt: `Make it blue, ${call}` }
      const result = await rpc(app, 'tools/call', { name: 'edit_image', arguments: args })
      t.assert.equal(result.isError, undefined, JSON.stringify(result))
    }
    const [refused, first, second] = azure.seen.map(({ url, body }) => ({ url, text: body.toString('latin1') }))
    t.assert.match(refused?.url ?? '', /^\/openai\//)
    t.assert.match(refused?.text ?? '', /name="size"\r\n\r\n1024x1024\r\n/)
    for (const request of [first, second]) t.assert.match(request?.text ?? '', /"aspect_ratio":"9:16"/)
  })

  test('each deployment is judged by itself, and list_models says what is known now', async (t: TestContext) => {
    const azure = await azureWith(t, 'providers')
    const deployments = ['a', 'b'].map((name) => ({ name, model: 'FLUX.1-Kontext-pro' }))
    const file = await fileOf(t, { deployments })
    const { app } = await buildApp(t, {
      AZURE_BASE_URL: azure.url,
      AZURE_DEPLOYMENTS_FILE: file,
      AZURE_API_VERSION: '2025-04-01-preview',
    })
    const listed = async () => (await rpc(app, 'tools/call', { name: 'list_models', arguments: {} })).content[0].text
    t.assert.doesNotMatch(await listed(), /seed/)
    await generate(app, { model: 'b' })
    const [a = '', b = ''] = (await listed()).split('\n')
    t.assert.doesNotMatch(a, /seed/)
    t.assert.match(b, /seed/)
    t.assert.match((await generate(app, { model: 'a', seed: 1 })).content[0].text, /seed/)
    t.assert.equal((await generate(app, { model: 'b', seed: 1 })).isError, undefined)
  })
})
