import { type TestContext, test } from 'node:test'
import { buildApp } from '../../support/app.ts'
import { verifies } from '../../support/verifies.ts'

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }

const post = async (t: TestContext, headers: Record<string, string>, environment = {}) => {
  const { app } = await buildApp(t, environment)
  return app.inject({ method: 'POST', url: '/mcp', payload: ping, headers })
}

for (const [what, headers] of [
  ['Host', { host: 'evil.example' }],
  ['Origin', { origin: 'http://evil.example' }],
] as const) {
  verifies('origin', `rejects an untrusted ${what} with 403 in the envelope`, async (t: TestContext) => {
    const response = await post(t, headers)
    t.assert.strictEqual(response.statusCode, 403)
    t.assert.partialDeepStrictEqual(response.json(), { jsonrpc: '2.0', id: null, error: { code: 403 } })
    t.assert.strictEqual(response.headers['access-control-allow-origin'], undefined)
  })
}

test('only probes and scrapes are served under an unknown Host', async (t: TestContext) => {
  const { app } = await buildApp(t, {
    PUBLIC_URL: 'https://images.example',
    OAUTH_ISSUER: 'https://issuer.example',
    OAUTH_AUDIENCE: 'images',
  })
  const headers = { host: 'evil.example' }
  for (const url of ['/health', '/health/', '/ready', '//metrics']) {
    t.assert.strictEqual((await app.inject({ url, headers })).statusCode, 200, url)
  }
  for (const url of [
    '/',
    '//',
    '/mcp',
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-protected-resource/mcp',
  ]) {
    for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
      t.assert.strictEqual((await app.inject({ method, url, headers })).statusCode, 403, `${method} ${url}`)
    }
  }
})

test('the home page is served to other origins, because it shows no data', async (t: TestContext) => {
  const { app } = await buildApp(t)
  t.assert.strictEqual((await app.inject({ url: '/', headers: { origin: 'http://evil.example' } })).statusCode, 200)
})

test('an allowed origin may read the response', async (t: TestContext) => {
  const origin = 'https://app.example'
  const response = await post(t, { origin }, { ALLOWED_ORIGINS: origin })
  t.assert.strictEqual(response.statusCode, 200)
  t.assert.strictEqual(response.headers['access-control-allow-origin'], origin)
  t.assert.strictEqual(response.headers.vary, 'Origin')
})

test('a browser extension that is allowed may call and read the response', async (t: TestContext) => {
  const origin = 'chrome-extension://abcdefghijklmnopabcdefghijklmnop'
  const response = await post(t, { origin }, { ALLOWED_ORIGINS: `https://*.example.com,${origin}` })
  t.assert.strictEqual(response.statusCode, 200)
  t.assert.strictEqual(response.headers['access-control-allow-origin'], origin)
  t.assert.strictEqual((await post(t, { origin }, { ALLOWED_ORIGINS: 'https://*.example.com' })).statusCode, 403)
})

test('an allowed origin may read rejections too', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const headers = { origin: 'http://localhost:6274', 'content-type': 'text/plain' }
  const response = await app.inject({ method: 'POST', url: '/', payload: 'x', headers })
  t.assert.strictEqual(response.statusCode, 415)
  t.assert.strictEqual(response.headers['access-control-allow-origin'], 'http://localhost:6274')
})

test('a preflight allows all requested headers', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const headers = {
    origin: 'http://localhost:6274',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,mcp-protocol-version,mcp-param-region,api-key',
  }
  const response = await app.inject({ method: 'OPTIONS', url: '/mcp', headers })
  t.assert.strictEqual(response.statusCode, 204)
  t.assert.strictEqual(response.headers['access-control-allow-origin'], 'http://localhost:6274')
  t.assert.strictEqual(response.headers['access-control-allow-methods'], 'POST')
  t.assert.strictEqual(response.headers['access-control-allow-headers'], headers['access-control-request-headers'])
})

test('a preflight needs no key, because browsers send none with it', async (t: TestContext) => {
  const { app } = await buildApp(t, { MCP_API_KEYS: 'alice:a-long-and-random-key' })
  const headers = { origin: 'http://localhost:6274', 'access-control-request-method': 'POST' }
  t.assert.strictEqual((await app.inject({ method: 'OPTIONS', url: '/', headers })).statusCode, 204)
  const payload = { jsonrpc: '2.0', id: 1, method: 'ping' }
  t.assert.strictEqual((await app.inject({ method: 'POST', url: '/', headers, payload })).statusCode, 401)
})

test('rejects a preflight of an untrusted origin', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const response = await app.inject({ method: 'OPTIONS', url: '/', headers: { origin: 'http://evil.example' } })
  t.assert.strictEqual(response.statusCode, 403)
})
