import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { RouteOptions } from 'fastify'
import { listen } from '../../support/app.ts'
import { png } from '../../support/images/images.ts'
import { startService } from '../../support/service.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

interface Operation {
  operationId: string
  requestBody?: { content: Record<string, { example?: object }> }
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: { $ref: string } }> }>
}

interface Document {
  openapi: string
  servers?: { url: string }[]
  security: object[]
  paths: Record<string, Record<string, Operation>>
  components: {
    schemas: Record<string, { properties: { model?: { enum?: string[]; default?: string } } }>
    responses: Record<string, Operation['responses'][string]>
  }
}

async function documentOf(url: string, headers: Record<string, string> = {}): Promise<Document> {
  const response = await fetch(`${url}/openapi.json`, { headers })
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return (await response.json()) as Document
}

/** Checks a response against what the document says of its operation, status and type. */
function createJudge(document: Document) {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema(document, 'document')
  const check = (schema: string, body: unknown) => {
    if (!ajv.validate(`document${schema}`, body)) throw new Error(ajv.errorsText())
  }
  async function judge(operation: Operation, response: Response): Promise<unknown> {
    const described = operation.responses[response.status]
    if (described === undefined) throw new Error(`${operation.operationId} does not describe ${response.status}`)
    const { content = {} } =
      described.$ref === undefined
        ? described
        : (document.components.responses[described.$ref.replace('#/components/responses/', '')] ?? {})
    const type = response.headers.get('content-type')?.split(';')[0] ?? ''
    const schema = content[type]?.schema.$ref
    if (schema === undefined)
      throw new Error(`${operation.operationId} does not describe ${type} of ${response.status}`)
    const body: unknown = await response.json()
    check(schema, body)
    return body
  }
  return { judge, check }
}

const postJson = (url: string, body: object, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

test('the document is valid OpenAPI 3.1, whatever is configured', async (t: TestContext) => {
  const deployments = join(await temporaryFolder(t), 'deployments.json')
  const entries = [
    { name: 'fox', model: 'flux.2-pro' },
    { name: 'gpt', model: 'gpt-image-2' },
    { name: 'plain', model: 'flux-1.1-pro' },
  ]
  await writeFile(deployments, JSON.stringify({ deployments: entries }))
  const environments = [
    {},
    { AZURE_DEPLOYMENT_NAME: 'FLUX-1.1-pro', AZURE_MODEL: 'flux-1.1-pro' },
    { MCP_API_KEYS: 'ann:0123456789abcdef0123456789abcdef', PUBLIC_URL: 'https://images.example.com' },
    { AZURE_DEPLOYMENT_NAME: undefined, AZURE_DEPLOYMENTS_FILE: deployments },
  ]
  for (const environment of environments) {
    const { url } = await listen(t, environment)
    const document = await documentOf(url)
    const validator = new Validator()
    const { valid, errors } = await validator.validate({ ...document })
    t.assert.equal(valid, true, JSON.stringify(errors))
    t.assert.equal(validator.version, '3.1')
    t.assert.doesNotThrow(() => validator.resolveRefs())
  }
})

test('it names the models, the address and the credential that this service really has', async (t: TestContext) => {
  const deployments = join(await temporaryFolder(t), 'deployments.json')
  const entries = [
    { name: 'plain', model: 'flux-1.1-pro' },
    { name: 'fox', model: 'flux.2-pro' },
  ]
  await writeFile(deployments, JSON.stringify({ deployments: entries }))
  const open = await listen(t, { AZURE_DEPLOYMENT_NAME: undefined, AZURE_DEPLOYMENTS_FILE: deployments })
  const document = await documentOf(open.url)
  const modelOf = (name: string) => document.components.schemas[name]?.properties.model
  t.assert.deepEqual(modelOf('ImageGenerationRequest')?.enum, ['plain', 'fox'])
  t.assert.equal(modelOf('ImageGenerationRequest')?.default, 'plain')
  t.assert.deepEqual([modelOf('ImageEditRequest')?.enum, modelOf('ImageEditForm')?.enum], [['fox'], ['fox']])
  t.assert.deepEqual([document.servers, document.security], [[{ url: open.url }], []])

  const key = '0123456789abcdef0123456789abcdef'
  const closed = await listen(t, {
    MCP_API_KEYS: `zebra:${key}`,
    PUBLIC_URL: 'https://images.example.com',
    ALLOWED_HOSTS: 'localhost,127.0.0.1',
    AZURE_DEPLOYMENT_NAME: 'FLUX-1.1-pro',
    AZURE_MODEL: 'flux-1.1-pro',
  })
  const response = await fetch(`${closed.url}/openapi.json`, { headers: { origin: 'https://editor.example' } })
  t.assert.deepEqual([response.status, response.headers.get('access-control-allow-origin')], [200, '*'])
  const text = await response.text()
  t.assert.ok(
    !text.includes(key) && !text.includes('zebra') && !text.includes('127.0.0.1'),
    'nothing of the configuration',
  )
  const { servers, security, paths } = JSON.parse(text)
  t.assert.deepEqual([servers, security], [[{ url: 'https://images.example.com' }], [{ bearer: [] }]])
  t.assert.equal(paths['/v1/images/edits'], undefined, 'no model edits')
})

test('it describes every route of the second door', async (t: TestContext) => {
  const routes: string[] = []
  const { url } = await listen(
    t,
    {},
    {
      onCreated: (fastify) => {
        fastify.addHook('onRoute', ({ method, url: path }: RouteOptions) => {
          for (const each of [method].flat()) {
            if (/^\/v1\/[^*]+$/.test(path) && ['GET', 'POST'].includes(each)) {
              routes.push(`${each.toLowerCase()} ${path.replace(/:\w+/, '{model}')}`)
            }
          }
        })
      },
    },
  )
  const { paths } = await documentOf(url)
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  t.assert.ok(routes.length > 0)
  t.assert.deepEqual(new Set(described), new Set(routes))
})

test('its examples work, and real responses and errors are as it describes them', async (t: TestContext) => {
  const { url, simulator } = await startService(t, { MCP_API_KEYS: 'ann:0123456789abcdef0123456789abcdef' })
  const document = await documentOf(url)
  const { judge, check } = createJudge(document)
  const bearer = { authorization: 'Bearer 0123456789abcdef0123456789abcdef' }
  let examples = 0
  for (const [path, { post }] of Object.entries(document.paths)) {
    const example = post?.requestBody?.content['application/json']?.example
    if (post === undefined || example === undefined) continue
    examples++
    const response = await postJson(url + path, { ...example, size: '256x256' }, bearer)
    t.assert.equal(response.status, 200, path)
    await judge(post, response)
    for (const [status, body, headers] of [
      [400, { ...example, prompt: 7 }, bearer],
      [404, { ...example, model: 'dall-e-3' }, bearer],
      [401, example, {}],
      [415, example, { ...bearer, 'content-encoding': 'gzip' }],
      [424, { ...example, prompt: 'fault:reset' }, bearer],
    ] as const) {
      const failure = await postJson(url + path, body, headers)
      t.assert.equal(failure.status, status, path)
      await judge(post, failure)
    }
  }
  t.assert.equal(examples, 2)
  t.assert.ok(simulator.requests.length >= 2)

  for (const [path, { get }] of Object.entries(document.paths)) {
    if (get === undefined) continue
    const [model = ''] = document.components.schemas.ImageGenerationRequest?.properties.model?.enum ?? []
    await judge(get, await fetch(url + path.replace('{model}', model), { headers: bearer }))
    await judge(get, await fetch(url + path.replace('{model}', model)))
  }

  const edit = document.paths['/v1/images/edits']?.post
  t.assert.ok(edit)
  const form = new FormData()
  form.append('prompt', 'x')
  form.append('size', '256x256')
  form.append('image', new File([new Uint8Array(await png(20, 20))], 'a.png'))
  const response = await fetch(`${url}/v1/images/edits`, { method: 'POST', headers: bearer, body: form })
  t.assert.equal(response.status, 200)
  await judge(edit, response)

  form.append('stream', 'true')
  const events = await (await fetch(`${url}/v1/images/edits`, { method: 'POST', headers: bearer, body: form })).text()
  const [, data = ''] = /^event: image_edit\.completed\ndata: (.*)$/m.exec(events) ?? []
  check('#/components/schemas/ImageEditEvent', JSON.parse(data))
  t.assert.throws(() => check('#/components/schemas/ImageGenerationEvent', JSON.parse(data)))
})

test('without the API there is no document of it', async (t: TestContext) => {
  const { url } = await listen(t, { OPENAI_API: 'off' })
  t.assert.equal((await fetch(`${url}/openapi.json`)).status, 404)
})
