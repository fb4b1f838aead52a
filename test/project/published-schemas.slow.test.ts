import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { unknownModels } from '../../services/azure/models/families.ts'
import { modelTable } from '../../services/azure/models/table.ts'
import { buildApp } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { type PublishedTool, schemaFaults, schemaRules } from '../support/tool-schema-rules.ts'

type Transport = 'http' | 'stdio'

async function publishedTools(
  t: TestContext,
  environment: Record<string, string | undefined>,
  transport: Transport,
): Promise<PublishedTool[]> {
  const { app } = await buildApp(t, environment, { transport })
  const response = await app.inject({
    method: 'POST',
    url: '/',
    payload: { jsonrpc: '2.0', id: 1, method: 'tools/list' },
  })
  return response.json().result.tools
}

async function deploymentsFile(t: TestContext, deployments: readonly object[]) {
  const file = join(await temporaryFolder(t), 'deployments.json')
  await writeFile(file, JSON.stringify({ deployments }))
  return { AZURE_DEPLOYMENT_NAME: undefined, AZURE_DEPLOYMENTS_FILE: file }
}

async function assertAccepted(
  t: TestContext,
  environment: Record<string, string | undefined>,
  transport: Transport,
  count: number,
) {
  const tools = await publishedTools(t, environment, transport)
  t.assert.ok(tools.length >= count)
  t.assert.deepEqual(tools.flatMap(schemaFaults), [])
}

const ids = modelTable.map(({ id }) => id)

describe('every published schema is accepted by strict model APIs', () => {
  for (const transport of ['http', 'stdio'] as const) {
    for (const id of ids) {
      test(`${id} over ${transport}`, (t: TestContext) =>
        assertAccepted(t, { AZURE_DEPLOYMENT_NAME: id }, transport, 1))
    }

    for (const dialect of Object.keys(unknownModels)) {
      test(`an unknown model of the dialect ${dialect} over ${transport}`, (t: TestContext) => {
        const environment = { AZURE_DEPLOYMENT_NAME: 'my-own', AZURE_MODEL: 'new-model', AZURE_API_DIALECT: dialect }
        return assertAccepted(t, environment, transport, 1)
      })
    }

    test(`all models together over ${transport}`, async (t: TestContext) => {
      const all = ids.map((id) => ({ name: id, deployment: id }))
      await assertAccepted(t, await deploymentsFile(t, all), transport, 3)
    })

    test(`as many deployments with names as long as a file may have, over ${transport}`, async (t: TestContext) => {
      const many = Array.from({ length: 50 }, (_, index) => ({
        name: `${String(index).padStart(2, '0')}${'x'.repeat(62)}`,
        model: ids[index % ids.length],
      }))
      await assertAccepted(t, await deploymentsFile(t, many), transport, 3)
    })
  }

  for (const [index, first] of ids.entries()) {
    test(`${first} with each other model`, async (t: TestContext) => {
      for (const second of ids.slice(index + 1))
        await assertAccepted(t, await deploymentsFile(t, [{ name: first }, { name: second }]), 'http', 3)
    })
  }
})

/** A schema that is broken in one way, for each rule. */
const broken: Readonly<Record<string, object>> = {
  'one type': { properties: { a: { description: 'any value' } } },
  'only keywords that every API accepts': { properties: { a: { type: 'string', default: null } } },
  'keywords of its type': { properties: { a: { type: 'integer', enum: [1, 2] } } },
  'closed objects with properties': { properties: { a: { type: 'object', properties: {} } } },
  'requires only properties that exist': { required: ['b'] },
  'arrays say what they contain': { properties: { a: { type: 'array' } } },
  'an enum has different, short, non-empty strings': { properties: { a: { type: 'string', enum: ['x', ''] } } },
  'an ASCII pattern without lookaround, references, and classes by letter': {
    properties: { a: { type: 'string', pattern: '^(?=x)$' } },
  },
  'bounds that compile to a small grammar': { properties: { a: { type: 'string', maxLength: 100_000 } } },
  'names of arguments that every client accepts': { properties: { 'a.b': { type: 'string' } } },
  'a name that stays short behind the name of its server': { name: '2nd_tool' },
  'a description of at most 1,024 characters': { description: 'x'.repeat(1_025) },
  'an object at the top': { type: 'string' },
  'at most five levels': {
    properties: {
      a: [1, 2, 3, 4, 5].reduce<object>((items) => ({ type: 'array', items }), { type: 'string' }),
    },
  },
  'at most 100 arguments': {
    properties: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`a${index}`, { type: 'string' }])),
  },
  'at most 500 values and 15,000 characters in enums and names': {
    properties: { a: { type: 'string', enum: Array.from({ length: 501 }, (_, index) => `value ${index}`) } },
  },
}

test('each rule finds a schema that breaks it', (t: TestContext) => {
  const good = { type: 'object', properties: {}, additionalProperties: false }
  t.assert.deepEqual(schemaFaults({ name: 'good', description: 'A tool.', inputSchema: good }), [])
  t.assert.deepEqual(Object.keys(broken).sort(), [...schemaRules].sort())
  for (const [rule, change] of Object.entries(broken)) {
    const tool = { name: 'bad', description: 'A tool.', inputSchema: { ...good, ...change }, ...change }
    t.assert.match(schemaFaults(tool).join('\n'), new RegExp(`: ${RegExp.escape(rule)} \\(`), rule)
  }
})

test('a size may contain the multiplication sign, although the pattern is ASCII', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const call = (size: string) =>
    app.inject({
      method: 'POST',
      url: '/',
      payload: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'generate_image', arguments: { prompt: 'a', size, output_path: '../x.png' } },
      },
    })
  // The size is checked before the path.
  t.assert.doesNotMatch((await call('1024×1024')).body, /size/)
  t.assert.match((await call('1024+1024')).body, /size/)
})
