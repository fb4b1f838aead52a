import { type TestContext, test } from 'node:test'
import { buildApp } from '../../support/app.ts'
import { fixtureCatalog } from '../../support/fixture-catalog.ts'
import { verifies } from '../../support/verifies.ts'

const VERSION = '2026-07-28'
const meta = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

interface Request {
  method?: string
  params?: Record<string, unknown>
  headers?: Record<string, string | undefined>
  id?: unknown
}

/** Sends a request that is right in all that `request` does not change. */
async function ask(t: TestContext, request: Request) {
  const { app } = await buildApp(t, {}, { extendCatalog: () => fixtureCatalog })
  const { method = 'tools/list', params = {}, headers = {}, id = 1 } = request
  const all = {
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
    ...(typeof params.name === 'string' ? { 'mcp-name': params.name } : {}),
    ...headers,
  }
  const response = await app.inject({
    method: 'POST',
    url: '/mcp',
    headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
    payload: { jsonrpc: '2.0', id, method, params: { _meta: meta, ...params } },
  })
  return { status: response.statusCode, body: response.json() }
}

verifies('discover', 'describes itself in server/discover', async (t: TestContext) => {
  const { status, body } = await ask(t, { method: 'server/discover' })
  t.assert.strictEqual(status, 200)
  const { instructions, _meta, ...result } = body.result
  t.assert.deepStrictEqual(result, {
    resultType: 'complete',
    supportedVersions: [VERSION],
    capabilities: { tools: { listChanged: true }, logging: {} },
    ttlMs: 3_600_000,
    cacheScope: 'private',
  })
  t.assert.strictEqual(typeof instructions, 'string')
  t.assert.strictEqual(_meta['io.modelcontextprotocol/serverInfo'].name, 'azure-image-editor-mcp')
})

verifies(
  ['result-type', 'caching'],
  'marks every result with its kind and its maker, and lists with a time to live',
  async (t: TestContext) => {
    const list = await ask(t, {})
    t.assert.partialDeepStrictEqual(list.body.result, { resultType: 'complete', ttlMs: 300_000, cacheScope: 'private' })
    const call = await ask(t, { method: 'tools/call', params: { name: 'echo', arguments: { text: 'x' } } })
    t.assert.partialDeepStrictEqual(call.body.result, {
      resultType: 'complete',
      content: [{ type: 'text', text: 'x' }],
    })
    t.assert.strictEqual('ttlMs' in call.body.result, false)
  },
)

test('the server introduces itself with its icons in server/discover only; other results name it', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const asked = async (method: string) => {
    const response = await app.inject({
      method: 'POST',
      url: '/mcp',
      headers: { 'mcp-protocol-version': VERSION, 'mcp-method': method },
      payload: { jsonrpc: '2.0', id: 1, method, params: { _meta: meta } },
    })
    return response.json().result
  }
  const serverOf = (result: { _meta: object }) => Object(result._meta)['io.modelcontextprotocol/serverInfo']
  t.assert.ok(serverOf(await asked('server/discover')).icons.length > 0)
  for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']) {
    const { icons, ...named } = serverOf(await asked(method))
    t.assert.strictEqual(icons, undefined, method)
    t.assert.deepStrictEqual(Object.keys(named).sort(), ['name', 'title', 'version'])
  }
  t.assert.ok((await asked('tools/list')).tools[0].icons.length > 0)
})

for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'nothing/like/it']) {
  verifies('modern-404', `answers ${method} with 404 and -32601`, async (t: TestContext) => {
    const { status, body } = await ask(t, { method })
    t.assert.partialDeepStrictEqual({ status, body }, { status: 404, body: { id: 1, error: { code: -32601 } } })
  })
}

for (const missing of [
  'io.modelcontextprotocol/protocolVersion',
  'io.modelcontextprotocol/clientCapabilities',
] as const) {
  verifies('modern-meta', `answers a request without ${missing} with 400 and -32602`, async (t: TestContext) => {
    const { [missing]: _, ...rest } = meta
    const { status, body } = await ask(t, { params: { _meta: rest } })
    t.assert.partialDeepStrictEqual({ status, body }, { status: 400, body: { id: 1, error: { code: -32602 } } })
    t.assert.ok(body.error.message.includes(missing))
  })
}

test('needs no client info', async (t: TestContext) => {
  const { 'io.modelcontextprotocol/clientInfo': _, ...rest } = meta
  t.assert.strictEqual((await ask(t, { params: { _meta: rest } })).status, 200)
})

const echo = { name: 'echo', arguments: { text: 'x' } }
const mismatches: [string, Request][] = [
  ['no version header', { headers: { 'mcp-protocol-version': undefined } }],
  ['a version header that differs', { headers: { 'mcp-protocol-version': '2025-11-25' } }],
  ['no method header', { headers: { 'mcp-method': undefined } }],
  ['a method header that differs', { headers: { 'mcp-method': 'prompts/list' } }],
  ['a method header in another case', { headers: { 'mcp-method': 'Tools/List' } }],
  ['no name header', { method: 'tools/call', params: echo, headers: { 'mcp-name': undefined } }],
  ['a name header that differs', { method: 'tools/call', params: echo, headers: { 'mcp-name': 'other' } }],
  [
    'a name header that encodes another name',
    { method: 'tools/call', params: echo, headers: { 'mcp-name': '=?base64?b3RoZXI=?=' } },
  ],
  [
    'a name header with broken UTF-8',
    { method: 'tools/call', params: echo, headers: { 'mcp-name': '=?base64?/w==?=' } },
  ],
  [
    'a name header with control characters',
    { method: 'tools/call', params: { name: 'a\u0001' }, headers: { 'mcp-name': 'a\u0001' } },
  ],
]
for (const [what, request] of mismatches) {
  verifies('header-mismatch', `answers ${what} with 400 and -32020`, async (t: TestContext) => {
    const { status, body } = await ask(t, request)
    t.assert.partialDeepStrictEqual({ status, body }, { status: 400, body: { id: 1, error: { code: -32020 } } })
  })
}

verifies('encoded-header', 'decodes a name header that came encoded', async (t: TestContext) => {
  const { status } = await ask(t, {
    method: 'tools/call',
    params: echo,
    headers: { 'mcp-name': '=?base64?ZWNobw==?=' },
  })
  t.assert.strictEqual(status, 200)
})

for (const version of ['2027-01-01', 'v999', '2025-11-25']) {
  verifies(
    'unsupported-version',
    `answers ${version} in _meta with 400, -32022 and the versions it speaks`,
    async (t: TestContext) => {
      const { status, body } = await ask(t, {
        params: { _meta: { ...meta, 'io.modelcontextprotocol/protocolVersion': version } },
        headers: { 'mcp-protocol-version': version },
      })
      t.assert.strictEqual(status, 400)
      t.assert.deepStrictEqual(body.error.data, { supported: [VERSION], requested: version })
    },
  )
}

test('holds a request to the modern rules for its header alone', async (t: TestContext) => {
  const { status, body } = await ask(t, { params: { _meta: {} } })
  t.assert.partialDeepStrictEqual({ status, body }, { status: 400, body: { error: { code: -32602 } } })
})

test('answers bad arguments and unknown tools with 200', async (t: TestContext) => {
  t.assert.strictEqual((await ask(t, { method: 'tools/call', params: { name: 'echo' } })).status, 200)
  const unknown = await ask(t, { method: 'tools/call', params: { name: 'paint' } })
  t.assert.partialDeepStrictEqual(unknown, { status: 200, body: { error: { code: -32602 } } })
})

verifies('sessions', 'ignores a session that a client believes to have', async (t: TestContext) => {
  t.assert.strictEqual((await ask(t, { headers: { 'mcp-session-id': 'abc', 'last-event-id': '7' } })).status, 200)
})

verifies('no-responses', 'rejects a response sent as a request', async (t: TestContext) => {
  const { app } = await buildApp(t, {}, { extendCatalog: () => fixtureCatalog })
  const payload = { jsonrpc: '2.0', id: 1, result: {} }
  const send = (version: string) =>
    app.inject({ method: 'POST', url: '/', payload, headers: { 'mcp-protocol-version': version } })
  t.assert.strictEqual((await send(VERSION)).statusCode, 400)
  t.assert.strictEqual((await send('2025-11-25')).statusCode, 202)
})
