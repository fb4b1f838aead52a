import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import type { HostContext } from '../../../web/bridge/bridge.ts'
import { createPageBridge, endpointOf, type KeyQuestion } from '../../../web/bridge/page-bridge.ts'
import { toStudioError } from '../../../web/bridge/studio-error.ts'
import { listen } from '../../support/app.ts'
import { startIssuer } from '../../support/oauth-issuer.ts'

const context: HostContext = { theme: 'light', locale: 'en', displayMode: 'inline', displayModes: [], variables: {} }

/** A bridge to this address. @param keys what the person enters, one after the other */
function bridgeTo(url: string, keys: string[] = []) {
  const questions: KeyQuestion[] = []
  const bridge = createPageBridge({
    url: endpointOf(`${url}/studio`),
    fetch,
    context,
    abilities: {},
    async askKey(question) {
      questions.push(question)
      const key = keys.shift()
      if (key === undefined) throw new Error('No more keys')
      return key
    },
  })
  return { bridge, questions }
}

/** A server that responds to everything in one way. */
async function startServer(t: TestContext, status: number, headers: Record<string, string>, body: string) {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(status, headers).end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

describe('the bridge of the page', () => {
  test('finds the endpoint beside the page, under any prefix', (t: TestContext) => {
    for (const [page, endpoint] of [
      ['https://a.example/studio', 'https://a.example/mcp'],
      ['https://a.example/studio/?x=1#y', 'https://a.example/mcp'],
      ['https://a.example/images/v1/studio', 'https://a.example/images/v1/mcp'],
      ['http://127.0.0.1:8000/images//studio//', 'http://127.0.0.1:8000/images//mcp'],
    ] as const) {
      t.assert.strictEqual(endpointOf(page).href, endpoint)
    }
  })

  test('needs no key where the service needs none', async (t: TestContext) => {
    const { url } = await listen(t)
    const { bridge, questions } = bridgeTo(url)
    t.assert.match((await bridge.callTool('list_models', {})).text, /FLUX/)
    t.assert.deepStrictEqual(questions, [])
  })

  test('asks for the key once, however many calls wait for it, and again after a wrong one', async (t: TestContext) => {
    const { url } = await listen(t, { MCP_API_KEYS: 'ann:0123456789abcdef0123456789abcdef' })
    const { bridge, questions } = bridgeTo(url, ['wrong', '0123456789abcdef0123456789abcdef'])
    const results = await Promise.all([1, 2, 3].map(() => bridge.callTool('list_models', {})))
    for (const { isError } of results) t.assert.strictEqual(isError, false)
    t.assert.deepStrictEqual(
      questions.map(({ reason, takesTokens }) => [reason, takesTokens]),
      [
        ['missing', false],
        ['wrong', false],
      ],
    )
    await bridge.callTool('list_models', {})
    t.assert.strictEqual(questions.length, 2)
  })

  test('knows that a service takes tokens of an authorization server', async (t: TestContext) => {
    const issuer = await startIssuer(t)
    const { url } = await listen(t, issuer.environment)
    const token = await issuer.token({ sub: 'ann' })
    const { bridge, questions } = bridgeTo(url, [token])
    t.assert.strictEqual((await bridge.callTool('list_models', {})).isError, false)
    t.assert.deepStrictEqual(
      questions.map(({ takesTokens }) => takesTokens),
      [true],
    )
  })

  test('returns a rejection as a result', async (t: TestContext) => {
    const { url } = await listen(t)
    const { isError, text } = await bridgeTo(url).bridge.callTool('get_job', { job_id: 'job_unknown' })
    t.assert.strictEqual(isError, true)
    t.assert.match(text, /job/)
  })

  const message = (text: string) => JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: 1, message: text } })
  for (const [name, status, headers, body, expected] of [
    ['forbidden', 403, {}, message('Origin not allowed.'), { kind: 'forbidden', message: 'Origin not allowed.' }],
    ['too many calls', 429, { 'retry-after': '7' }, message('x'), { kind: 'rate-limited', retryAfterMs: 7000 }],
    ['an overloaded service', 503, { 'retry-after': '5' }, message('x'), { kind: 'unavailable', retryAfterMs: 5000 }],
    ['a proxy without a service', 502, {}, '<html>', { kind: 'offline' }],
    ['a proxy that gave up', 504, {}, '<html>', { kind: 'offline' }],
    ['a proxy whose service was too slow', 524, {}, '<html>', { kind: 'offline' }],
    ['a proxy that waited for the request', 408, {}, '<html>', { kind: 'offline' }],
    ['a fault of the service', 500, {}, message('Internal error'), { kind: 'interrupted', message: 'Internal error' }],
    ['a page in place of JSON', 200, {}, '<html>', { kind: 'protocol' }],
    ['an empty page', 404, {}, '', { kind: 'protocol' }],
    ['an error in a 200', 200, {}, message('Unknown tool.'), { kind: 'rejected', message: 'Unknown tool.' }],
    ['a redirect', 302, { location: 'http://127.0.0.1:1/' }, '', { kind: 'offline' }],
  ] as const) {
    test(`tells ${name} from other failures`, async (t: TestContext) => {
      const { bridge } = bridgeTo(await startServer(t, status, headers, body))
      await t.assert.rejects(bridge.callTool('list_models', {}), expected)
    })
  }

  test('tells a lost connection, a time-out and an abort from each other', async (t: TestContext) => {
    const silent = createServer(() => {})
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    t.after(() => {
      silent.closeAllConnections()
      silent.close()
    })
    const address = silent.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const kind = (to: string, options: { timeoutMs?: number; signal?: AbortSignal }) =>
      bridgeTo(to)
        .bridge.callTool('list_models', {}, options)
        .catch((error) => toStudioError(error).kind)
    t.assert.strictEqual(await kind('http://127.0.0.1:9', {}), 'offline')
    t.assert.strictEqual(await kind(url, { timeoutMs: 20 }), 'offline')
    const abort = new AbortController()
    const aborted = kind(url, { signal: abort.signal })
    setImmediate(() => abort.abort())
    t.assert.strictEqual(await aborted, 'aborted')
  })

  test('gives a person time to find the key', async (t: TestContext) => {
    const { url } = await listen(t, { MCP_API_KEYS: 'ann:0123456789abcdef0123456789abcdef' })
    const { promise: found, resolve: find } = Promise.withResolvers<string>()
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>()
    const askKey = async () => {
      onAsked()
      return await found
    }
    const bridge = createPageBridge({ url: endpointOf(`${url}/studio`), fetch, context, abilities: {}, askKey })
    const timeoutMs = 5000
    const call = bridge.callTool('list_models', {}, { timeoutMs })
    call.catch(() => {})
    await asked
    await new Promise((done) => setTimeout(done, timeoutMs + 100))
    find('0123456789abcdef0123456789abcdef')
    t.assert.strictEqual((await call).isError, false)
  })

  test('asks again for a key that no header takes', async (t: TestContext) => {
    const { url } = await listen(t, { MCP_API_KEYS: 'ann:0123456789abcdef0123456789abcdef' })
    const keys = ['密钥', '\u200b0123456789abcdef0123456789abcdef', '0123456789abcdef0123456789abcdef']
    const { bridge, questions } = bridgeTo(url, keys)
    t.assert.strictEqual((await bridge.callTool('list_models', {})).isError, false)
    t.assert.deepStrictEqual(
      questions.map(({ reason }) => reason),
      ['missing', 'wrong', 'wrong'],
    )
  })

  test('tells a response that breaks off, and one that is given up, from one that it cannot read', async (t: TestContext) => {
    const server = createServer((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-length': '100' }).write('{"jsonrpc"')
      setTimeout(() => response.destroy(), 300)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const address = server.address()
    const { bridge } = bridgeTo(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
    const abort = new AbortController()
    const given = bridge.callTool('list_models', {}, { signal: abort.signal })
    setTimeout(() => abort.abort(), 100)
    await t.assert.rejects(given, { kind: 'aborted' })
    await t.assert.rejects(bridge.callTool('list_models', {}), { kind: 'offline' })
  })

  test('has no more bytes outlive the page than browsers allow at a time', async (t: TestContext) => {
    const sent: { bytes: number; isKept: boolean }[] = []
    const { promise: response, resolve } = Promise.withResolvers<Response>()
    const bridge = createPageBridge({
      url: endpointOf('https://a.example/studio'),
      async fetch(_, init) {
        const { body, keepalive = false } = init ?? {}
        const bytes = body instanceof Uint8Array ? body.length : Buffer.byteLength(String(body))
        sent.push({ bytes, isKept: keepalive })
        return (await response).clone()
      },
      context,
      abilities: {},
      askKey: async () => 'key',
    })
    // Of three bytes each, then of one.
    const calls = ['图'.repeat(15_000), '图'.repeat(15_000), '图'.repeat(25_000), 'x'.repeat(10_000)].map((text) =>
      bridge.callTool('studio_draft', { text }),
    )
    await new Promise(setImmediate)
    const kept = () => sent.filter(({ isKept }) => isKept).reduce((sum, { bytes }) => sum + bytes, 0)
    t.assert.ok(kept() <= 65_536, `${kept()}`)
    t.assert.deepStrictEqual(
      sent.map(({ isKept }) => isKept),
      [true, false, false, true],
    )
    resolve(Response.json({ jsonrpc: '2.0', id: 1, result: { content: [] } }))
    await Promise.all(calls)
    await bridge.callTool('studio_draft', { text: '图'.repeat(15_000) })
    t.assert.strictEqual(sent.at(-1)?.isKept, true)
  })
})
