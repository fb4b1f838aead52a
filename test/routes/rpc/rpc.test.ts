import { type TestContext, test } from 'node:test'
import { buildApp } from '../../support/app.ts'
import { fixtureCatalog } from '../../support/fixture-catalog.ts'
import { verifies } from '../../support/verifies.ts'

const build = (t: TestContext, environment = {}) => buildApp(t, environment, { extendCatalog: () => fixtureCatalog })

const json = { 'content-type': 'application/json' }
const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }

for (const url of ['/', '/mcp']) {
  verifies('ping', `answers JSON-RPC at POST ${url}`, async (t: TestContext) => {
    const { app } = await build(t)
    const response = await app.inject({ method: 'POST', url, payload: ping })
    t.assert.strictEqual(response.statusCode, 200)
    t.assert.strictEqual(response.headers['content-type'], 'application/json; charset=utf-8')
    t.assert.strictEqual(response.headers['content-length'], String(response.rawPayload.length))
    t.assert.deepStrictEqual(response.json(), { jsonrpc: '2.0', id: 1, result: {} })
  })
}

test('keeps a numeric id numeric', async (t: TestContext) => {
  const { app } = await build(t)
  const response = await app.inject({ method: 'POST', url: '/', payload: { ...ping, id: 0 } })
  t.assert.strictEqual(response.body, '{"jsonrpc":"2.0","id":0,"result":{}}')
})

verifies('accepted', 'answers a notification with 202 and nothing', async (t: TestContext) => {
  const { app } = await build(t)
  const payload = { jsonrpc: '2.0', method: 'notifications/initialized' }
  const response = await app.inject({ method: 'POST', url: '/', payload })
  t.assert.strictEqual(response.statusCode, 202)
  t.assert.strictEqual(response.body, '')
})

test('returns the request id in a header and in internal errors', async (t: TestContext) => {
  const { app } = await build(t)
  const payload = { ...ping, method: 'tools/call', params: { name: 'fail_badly' } }
  const response = await app.inject({ method: 'POST', url: '/', payload, headers: { 'x-request-id': 'abc-1' } })
  t.assert.strictEqual(response.statusCode, 200)
  t.assert.strictEqual(response.headers['x-request-id'], 'abc-1')
  t.assert.deepStrictEqual(response.json().error, {
    code: -32603,
    message: 'Internal error',
    data: { requestId: 'abc-1' },
  })
})

const failures: [string, { payload?: string; headers?: Record<string, string> }, number, number][] = [
  ['an empty body', { payload: '' }, 400, -32700],
  ['no body and no type', { headers: {} }, 400, -32700],
  ['a broken body', { payload: '{"jsonrpc":' }, 400, -32700],
  ['an empty batch', { payload: '[]' }, 400, -32600],
  ['null', { payload: 'null' }, 400, -32600],
  ['a number', { payload: '5' }, 400, -32600],
  ['deep nesting', { payload: '['.repeat(2000) }, 400, -32600],
  ['__proto__', { payload: '{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"a":1}}' }, 400, -32600],
  [
    'another content type',
    { payload: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    415,
    -32600,
  ],
  ['no content type', { payload: '{}', headers: {} }, 415, -32600],
  ['a compressed body', { payload: '{}', headers: { ...json, 'content-encoding': 'gzip' } }, 415, -32600],
  ['a body over the limit', { payload: JSON.stringify({ ...ping, pad: 'x'.repeat(5000) }) }, 413, -32600],
  [
    'an Accept that nothing fits',
    { payload: JSON.stringify(ping), headers: { ...json, accept: 'text/html' } },
    406,
    -32600,
  ],
]
for (const [what, { payload, headers = json }, status, code] of failures) {
  verifies(
    code === -32700 ? 'parse-error' : 'invalid-request',
    `answers ${what} with ${status} and ${code} in the envelope`,
    async (t: TestContext) => {
      const { app } = await build(t, { MAX_BODY_BYTES: '4096' })
      const response = await app.inject({
        method: 'POST',
        url: '/',
        headers,
        ...(payload === undefined ? {} : { payload }),
      })
      t.assert.strictEqual(response.statusCode, status)
      t.assert.partialDeepStrictEqual(response.json(), { jsonrpc: '2.0', error: { code } })
    },
  )
}

test('names the limit that a body exceeds', async (t: TestContext) => {
  const { app } = await build(t, { MAX_BODY_BYTES: '1024' })
  const response = await app.inject({ method: 'POST', url: '/', headers: json, payload: ' '.repeat(1025) })
  t.assert.deepStrictEqual(response.json(), {
    jsonrpc: '2.0',
    id: null,
    error: { code: -32600, message: 'The body is larger than 1024 bytes (MAX_BODY_BYTES).' },
  })
})

test('echoes the id where the body could be read', async (t: TestContext) => {
  const { app } = await build(t)
  const response = await app.inject({ method: 'POST', url: '/', payload: ping, headers: { accept: 'image/png' } })
  t.assert.partialDeepStrictEqual(response.json(), { id: 1, error: { code: -32600 } })
})

test('accepts bodies far above the default limit of Fastify', async (t: TestContext) => {
  const { app } = await build(t)
  const text = 'x'.repeat(3_000_000)
  const payload = { ...ping, method: 'tools/call', params: { name: 'echo', arguments: { text } } }
  const response = await app.inject({ method: 'POST', url: '/', payload })
  t.assert.strictEqual(response.json().result.content[0].text, text)
})

for (const method of ['GET', 'DELETE'] as const) {
  verifies('no-get', `rejects ${method} /mcp with 405`, async (t: TestContext) => {
    const { app } = await build(t)
    const response = await app.inject({ method, url: '/mcp' })
    t.assert.strictEqual(response.statusCode, 405)
    t.assert.strictEqual(response.headers.allow, 'POST')
    t.assert.partialDeepStrictEqual(response.json(), { error: { code: -32600 } })
  })
}

for (const [accept, type] of [
  [undefined, 'application/json'],
  ['*/*', 'application/json'],
  ['application/json', 'application/json'],
  ['application/*;q=0.5', 'application/json'],
  ['application/json, text/event-stream', 'application/json'],
  ['text/event-stream', 'text/event-stream'],
  ['text/event-stream, application/json;q=0', 'text/event-stream'],
] as const) {
  test(`answers Accept: ${accept} with ${type}`, async (t: TestContext) => {
    const { app } = await build(t)
    const response = await app.inject({
      method: 'POST',
      url: '/',
      payload: ping,
      headers: accept === undefined ? {} : { accept },
    })
    t.assert.strictEqual(response.statusCode, 200)
    t.assert.ok(String(response.headers['content-type']).startsWith(type))
    t.assert.ok(response.body.includes('{"jsonrpc":"2.0","id":1,"result":{}}'))
  })
}

test('counts messages by method and outcome, without a series of a caller’s making', async (t: TestContext) => {
  const { app } = await build(t)
  for (const method of ['ping', 'made/up', 'made/up/too']) {
    await app.inject({ method: 'POST', url: '/', payload: { ...ping, method } })
  }
  await app.inject({ method: 'POST', url: '/', payload: '{', headers: json })
  const lines = (await app.inject('/metrics')).body
    .split('\n')
    .filter((line) => line.startsWith('image_mcp_rpc_requests') && !line.endsWith(' 0'))
  t.assert.deepStrictEqual(lines, [
    'image_mcp_rpc_requests_total{method="ping",outcome="ok"} 1',
    'image_mcp_rpc_requests_total{method="other",outcome="method_not_found"} 2',
    'image_mcp_rpc_requests_total{method="none",outcome="parse_error"} 1',
  ])
})
