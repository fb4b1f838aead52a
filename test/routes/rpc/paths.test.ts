import { METHODS } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../../support/app.ts'

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
const json = { 'content-type': 'application/json' }

describe('trailing and duplicate slashes are ignored', () => {
  for (const url of ['/', '//', '///', '/mcp', '/mcp/', '//mcp', '/mcp//', '//mcp//', '/mcp/?a=1']) {
    test(`POST ${url}`, async (t: TestContext) => {
      const { app } = await buildApp(t)
      const response = await app.inject({ method: 'POST', url: `http://localhost${url}`, payload: ping })
      t.assert.deepStrictEqual(response.json(), { jsonrpc: '2.0', id: 1, result: {} })
    })
  }

  test('also of probes and metrics', async (t: TestContext) => {
    const { app } = await buildApp(t)
    for (const url of ['/health/', '//health', '/ready//', '//ready', '/metrics/', '//metrics']) {
      t.assert.equal((await app.inject(`http://localhost${url}`)).statusCode, 200, url)
    }
  })

  test('and open no way around a guard', async (t: TestContext) => {
    const { app } = await buildApp(t, {
      MCP_API_KEYS: 'alice:key-of-alice',
      METRICS_TOKEN: 'token-of-prometheus',
      RATE_LIMIT_PER_MINUTE: '1',
    })
    const status = async (url: string, headers = {}) =>
      (await app.inject({ method: 'POST', url: `http://localhost${url}`, payload: ping, headers })).statusCode
    for (const url of ['//', '/mcp/', '//mcp', '//mcp//']) {
      t.assert.equal(await status(url), 401, url)
      t.assert.equal(await status(url, { host: 'evil.example' }), 403, url)
      t.assert.equal(await status(url, { origin: 'https://evil.example' }), 403, url)
    }
    const key = { 'x-api-key': 'key-of-alice' }
    t.assert.equal(await status('/mcp', key), 200)
    for (const url of ['/', '//', '/mcp/', '//mcp']) t.assert.equal(await status(url, key), 429, url)
    for (const url of ['/metrics', '//metrics', '/metrics/']) {
      t.assert.equal((await app.inject(`http://localhost${url}`)).statusCode, 401, url)
    }
  })
})

describe('a method that a path does not serve gets 405 and Allow, whatever is sent with it', () => {
  const served: Readonly<Record<string, readonly string[]>> = {
    '/': ['GET', 'HEAD', 'POST', 'OPTIONS'],
    '/mcp': ['POST', 'OPTIONS'],
  }
  for (const [url, methods] of Object.entries(served)) {
    test(url, async (t: TestContext) => {
      const { app } = await buildApp(t, { MCP_API_KEYS: 'alice:key-of-alice' })
      const send = async (options: object) => app.inject(options)
      for (const name of METHODS.filter((method) => method !== 'CONNECT' && !methods.includes(method))) {
        for (const headers of [{}, json, { 'content-type': 'text/plain' }, { ...json, 'content-encoding': 'gzip' }]) {
          const response = await send({ method: name, url, headers })
          t.assert.equal(response.statusCode, 405, `${name} ${JSON.stringify(headers)}`)
          t.assert.match(String(response.headers.allow), /\bPOST\b/, name)
          if (name !== 'HEAD') t.assert.partialDeepStrictEqual(response.json(), { error: { code: -32600 } }, name)
        }
      }
    })
  }

  test('but never where nothing is', async (t: TestContext) => {
    const { app } = await buildApp(t)
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      t.assert.equal((await app.inject({ method, url: '/nothing' })).statusCode, 404)
    }
  })

  test('and a page for people is no event stream', async (t: TestContext) => {
    const { app } = await buildApp(t)
    for (const accept of ['text/event-stream', 'application/json, Text/Event-Stream']) {
      const response = await app.inject({ url: '/', headers: { accept } })
      t.assert.equal(response.statusCode, 405)
      t.assert.equal(response.headers.allow, 'POST')
      t.assert.partialDeepStrictEqual(response.json(), { jsonrpc: '2.0', id: null, error: { code: -32600 } })
    }
  })
})

describe('preflights', () => {
  const preflight = { origin: 'http://localhost:6274', 'access-control-request-method': 'POST' }
  test('are 204 with a JSON Content-Type and no body', async (t: TestContext) => {
    const { app } = await buildApp(t)
    for (const url of ['/', '/mcp', '/mcp/']) {
      const response = await app.inject({ method: 'OPTIONS', url, headers: { ...preflight, ...json } })
      t.assert.equal(response.statusCode, 204)
    }
  })

  test('of the metadata of OAuth are 204, from any page', async (t: TestContext) => {
    const { app } = await buildApp(t, {
      PUBLIC_URL: 'https://images.example',
      OAUTH_ISSUER: 'https://issuer.example',
      OAUTH_AUDIENCE: 'images',
    })
    const asked = 'mcp-protocol-version'
    for (const path of ['', '/mcp', '/']) {
      const url = `/.well-known/oauth-protected-resource${path}`
      const headers = { ...json, origin: 'https://page.example', 'access-control-request-headers': asked }
      const response = await app.inject({ method: 'OPTIONS', url, headers })
      t.assert.equal(response.statusCode, 204)
      t.assert.equal(response.headers['access-control-allow-origin'], '*')
      t.assert.equal(response.headers['access-control-allow-headers'], asked)
      t.assert.equal((await app.inject(url)).statusCode, 200)
    }
  })
})

describe('Content-Type', () => {
  for (const type of [
    'application/json, application/json',
    'application/json,application/json',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'Application/JSON; Charset=utf8',
    'application/json; charset=us-ascii',
    "application/json; charset='utf-8'",
    'application/json; charset=UTF_8',
    'application/json; charset=unicode-1-1-utf-8',
    'application/json; charset=utf-8-sig',
    'application/json; charset=utf-8, application/json; charset=utf-8',
    'application/json,application/json; charset=utf-8',
    'application/json; charset=utf-8 , application/vnd.api+json',
    'application/json; profile="a,b"',
    'application/vnd.api+json',
  ]) {
    test(`is accepted: ${type}`, async (t: TestContext) => {
      const { app } = await buildApp(t)
      const payload = JSON.stringify(ping)
      const response = await app.inject({ method: 'POST', url: '/', payload, headers: { 'content-type': type } })
      t.assert.equal(response.statusCode, 200)
    })
  }
  for (const type of [
    'application/json; charset=gbk',
    'application/json; charset="ISO-8859-1"',
    'application/json; charset=utf-16',
    'application/json; charset=utf-16le',
    'application/json; charset=utf-7',
    'application/json; charset=utf-80',
    'application/json; charset=windows-1252',
    "application/json; charset='gb18030'",
    'application/json; charset=""',
    'application/json; charset=utf-8; charset=gbk',
    'application/json, application/json; charset=gbk',
    'application/json, application/jsonx',
    'text/plain',
    'application/json, text/plain',
  ]) {
    test(`is rejected with 415: ${type}`, async (t: TestContext) => {
      const { app } = await buildApp(t)
      const payload = JSON.stringify(ping)
      const response = await app.inject({ method: 'POST', url: '/', payload, headers: { 'content-type': type } })
      t.assert.equal(response.statusCode, 415)
      t.assert.partialDeepStrictEqual(response.json(), { error: { code: -32600 } })
    })
  }
})

test('a body in another encoding is rejected with what to type, before anything is paid', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const payload = Buffer.from(JSON.stringify({ ...ping, params: { a: 'Möwe' } }), 'latin1')
  const response = await app.inject({ method: 'POST', url: '/', payload, headers: json })
  t.assert.equal(response.statusCode, 400)
  t.assert.partialDeepStrictEqual(response.json(), { error: { code: -32700 } })
  t.assert.match(response.json().error.message, /^The body is not UTF-8\..*--data-binary @body\.json.*UTF8\.GetBytes/)
})
