import { type TestContext, test } from 'node:test'
import type { Catalog } from '../../services/mcp/catalog.ts'
import { buildApp } from '../support/app.ts'
import { echo } from '../support/fixture-catalog.ts'
import { modernHeaders, modernMeta } from '../support/modern-client.ts'

const UI = 'io.modelcontextprotocol/ui'
const uri = 'ui://fixture/studio.html'

/** The service's own catalog with one app: a tool that it shows, and one that only it calls. */
const withApp = (own: Catalog): Catalog => ({
  ...own,
  tools: [
    ...own.tools,
    { ...echo, name: 'show', ui: { resourceUri: uri } },
    { ...echo, name: 'app_chunk', ui: { visibility: ['app'] } },
  ],
  apps: [{ uri, html: async () => '<!doctype html><title>Studio</title>', ui: { prefersBorder: false } }],
})

async function ask(t: TestContext, version: string, extendCatalog?: (own: Catalog) => Catalog) {
  const { app } = await buildApp(t, { STUDIO: 'off' }, extendCatalog ? { extendCatalog } : {})
  const isModern = version >= '2026-07-28'
  return async (method: string, params: object = {}) => {
    const headers = isModern ? modernHeaders(method, params) : { 'mcp-protocol-version': version }
    const payload = { jsonrpc: '2.0', id: 1, method, params: isModern ? { ...params, _meta: modernMeta({}) } : params }
    const response = await app.inject({
      method: 'POST',
      url: '/mcp',
      headers: { ...headers, accept: 'application/json' },
      payload,
    })
    return response.json()
  }
}

const clientInfo = { name: 'test', version: '1' }

async function capabilitiesOf(request: Awaited<ReturnType<typeof ask>>, version: string) {
  const asked =
    version >= '2026-07-28'
      ? await request('server/discover')
      : await request('initialize', { protocolVersion: version, capabilities: {}, clientInfo })
  return asked.result.capabilities
}

// biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server returned
const toolNamed = (response: any, name: string) =>
  response.result.tools.find((tool: { name: string }) => tool.name === name)

for (const version of ['2025-06-18', '2025-11-25', '2026-07-28']) {
  test(`an app in the catalog is declared, named by its tools, and read, in ${version}`, async (t: TestContext) => {
    const request = await ask(t, version, withApp)
    t.assert.deepStrictEqual((await capabilitiesOf(request, version)).extensions[UI], {})
    const tools = await request('tools/list')
    t.assert.deepStrictEqual(toolNamed(tools, 'show')._meta, { ui: { resourceUri: uri }, 'ui/resourceUri': uri })
    t.assert.deepStrictEqual(toolNamed(tools, 'app_chunk')._meta, { ui: { visibility: ['app'] } })
    t.assert.strictEqual(toolNamed(tools, 'generate_image')._meta, undefined)
    const { result } = await request('resources/read', { uri })
    t.assert.deepStrictEqual(result.contents, [
      {
        uri,
        mimeType: 'text/html;profile=mcp-app',
        text: '<!doctype html><title>Studio</title>',
        _meta: { ui: { prefersBorder: false } },
      },
    ])
    const listed = await request('resources/list')
    t.assert.ok(!JSON.stringify(listed).includes('ui://'), 'apps are no images')
  })

  test(`without an app nothing is declared, and nothing of apps is in the list of tools, in ${version}`, async (t: TestContext) => {
    const request = await ask(t, version, (own) => ({ ...own, tools: withApp(own).tools }))
    t.assert.strictEqual((await capabilitiesOf(request, version)).extensions?.[UI], undefined)
    const tools = await request('tools/list')
    t.assert.strictEqual(toolNamed(tools, 'show')._meta, undefined)
    const { error } = await request('resources/read', { uri })
    t.assert.deepStrictEqual(error.data, { uri })
  })
}

test('revisions before 2025-06-18 know no apps', async (t: TestContext) => {
  const request = await ask(t, '2025-03-26', withApp)
  t.assert.strictEqual((await capabilitiesOf(request, '2025-03-26')).extensions, undefined)
  t.assert.strictEqual(toolNamed(await request('tools/list'), 'show')._meta, undefined)
})

test('Tasks are declared to modern clients, and only where there are tasks', async (t: TestContext) => {
  const TASKS = 'io.modelcontextprotocol/tasks'
  t.assert.deepStrictEqual((await capabilitiesOf(await ask(t, '2026-07-28'), '2026-07-28')).extensions, { [TASKS]: {} })
  t.assert.strictEqual((await capabilitiesOf(await ask(t, '2025-11-25'), '2025-11-25')).extensions, undefined)
  const without = await ask(t, '2026-07-28', ({ tasks: _, ...own }) => own)
  t.assert.strictEqual((await capabilitiesOf(without, '2026-07-28')).extensions, undefined)
})

for (const [version, hasIcons] of [
  ['2025-06-18', false],
  ['2025-11-25', true],
  ['2026-07-28', true],
] as const) {
  test(`every tool, prompt, resource and template has ${hasIcons ? 'an icon' : 'no icon'} in ${version}`, async (t: TestContext) => {
    const request = await ask(t, version, (own) => ({
      ...own,
      resources: {
        templates: [],
        read: async () => undefined,
        ...own.resources,
        list: async () => ({ resources: [{ uri: 'image:///a.png', name: 'a.png' }] }),
      },
    }))
    for (const [method, member] of [
      ['tools/list', 'tools'],
      ['prompts/list', 'prompts'],
      ['resources/list', 'resources'],
      ['resources/templates/list', 'resourceTemplates'],
    ] as const) {
      const { result } = await request(method)
      t.assert.ok(result[member].length > 0)
      for (const { icons } of result[member])
        t.assert.strictEqual(/^data:image\/png/.test(icons?.[0].src), hasIcons, method)
    }
  })
}
