import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { createApp } from '../../app.ts'
import { buildApp, LogLines, minimalEnvironment } from '../support/app.ts'
import { fixtureCatalog } from '../support/fixture-catalog.ts'
import { checkProperty } from '../support/property.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Words of the protocol, so that random messages pass the first checks. */
const word = fc.constantFrom(
  '2.0',
  'tools/call',
  'tools/list',
  'initialize',
  'ping',
  'server/discover',
  'notifications/cancelled',
  'prompts/get',
  'completion/complete',
  'echo',
  'every_block',
  '2025-03-26',
  '2025-11-25',
  '2026-07-28',
  '__proto__',
  'constructor',
  'toString',
  '',
)
const key = fc.oneof(
  fc.constantFrom('jsonrpc', 'id', 'method', 'params', 'name', 'arguments', '_meta', 'progressToken', 'cursor', 'text'),
  fc.constantFrom('result', 'error', 'ref', 'argument', 'protocolVersion', 'io.modelcontextprotocol/protocolVersion'),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
)
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    word,
    fc.constantFrom(null, true, 0, -0, 1e308, 0.1, -1),
    fc.integer(),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 6 }),
  ),
}))

/** Almost a message: a mostly valid envelope with arbitrary content. */
const nearMessage = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant('2.0') }, { weight: 1, arbitrary: anyValue }),
    id: fc.oneof(fc.integer(), fc.string({ maxLength: 5 }), anyValue),
    method: fc.oneof({ weight: 4, arbitrary: word }, { weight: 1, arbitrary: anyValue }),
    params: fc.oneof(
      anyValue,
      fc.record(
        {
          name: fc.oneof(word, anyValue),
          arguments: fc.oneof(fc.dictionary(key, anyValue), anyValue),
          _meta: anyValue,
        },
        { requiredKeys: [] },
      ),
    ),
  },
  { requiredKeys: ['jsonrpc', 'method'] },
)
const body = fc.oneof(nearMessage, anyValue, fc.array(nearMessage, { maxLength: 18 }))
const headers = fc.record(
  {
    accept: fc.constantFrom('application/json', 'text/event-stream', '*/*', 'application/json, text/event-stream'),
    'mcp-protocol-version': fc.constantFrom('2024-11-05', '2025-03-26', '2025-06-18', '2026-07-28', 'x', ''),
    'mcp-method': word,
    'mcp-name': word,
  },
  { requiredKeys: [] },
)

/** Whether it is a valid JSON-RPC 2.0 response. */
function isResponse(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('jsonrpc' in value) || value.jsonrpc !== '2.0') return false
  if ('result' in value === 'error' in value) return false
  if ('result' in value) return 'id' in value && (typeof value.id === 'string' || Number.isInteger(value.id))
  const error = 'error' in value ? value.error : undefined
  return (
    typeof error === 'object' && error !== null && 'code' in error && Number.isInteger(error.code) && 'message' in error
  )
}

function responsesIn(text: string, type: string): unknown[] {
  if (!type.startsWith('text/event-stream')) return [JSON.parse(text)].flat()
  return text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []))
}

describe('POST / returns a valid response or 202, and never a 500', () => {
  async function setUp(t: TestContext) {
    // Without the schema check of other tests, which guesses the revision of valid messages only.
    const app = await createApp({
      environment: { ...minimalEnvironment, LOG_LEVEL: 'silent', IMAGES_DIR: await temporaryFolder(t) },
      logDestination: new LogLines(),
      extendCatalog: () => fixtureCatalog,
    })
    t.after(() => app.close())
    async function send(payload: string | Buffer, more: Record<string, string>, fits: (status: number) => boolean) {
      const response = await app.inject({
        method: 'POST',
        url: '/',
        payload,
        headers: { 'content-type': 'application/json', ...more },
      })
      const { statusCode } = response
      if (statusCode === 202) return response.body === ''
      if (!fits(statusCode)) return false
      const responses = responsesIn(response.body, String(response.headers['content-type']))
      return responses.length > 0 && responses.every((one) => isResponse(one) || isNotification(one))
    }
    return { send }
  }
  const known = (status: number) => [200, 400, 404].includes(status)

  test('for any JSON value', async (t: TestContext) => {
    const { send } = await setUp(t)
    await checkProperty(
      t,
      fc.asyncProperty(body, headers, (value, more) => send(JSON.stringify(value), more, known)),
      { numRuns: 10_000 },
    )
  })

  test('for any bytes', async (t: TestContext) => {
    const { send } = await setUp(t)
    const damaged = fc.tuple(body, fc.nat(), fc.uint8Array({ maxLength: 6 })).map(([value, at, noise]) => {
      const text = Buffer.from(JSON.stringify(value))
      const cut = at % (text.length + 1)
      return Buffer.concat([text.subarray(0, cut), noise, text.subarray(cut)])
    })
    const anyBytes = fc.oneof(
      damaged,
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    )
    await checkProperty(
      t,
      fc.asyncProperty(anyBytes, (bytes) => send(bytes, {}, known)),
      { numRuns: 6_000 },
    )
  })

  test('for any content type, encoding and Accept', async (t: TestContext) => {
    const { send } = await setUp(t)
    const value = fc.stringMatching(/^[\x20-\x7e]{0,40}$/)
    await checkProperty(
      t,
      fc.asyncProperty(nearMessage, value, value, value, (message, type, encoding, accept) =>
        send(JSON.stringify(message), { 'content-type': type, 'content-encoding': encoding, accept }, (status) =>
          [200, 400, 404, 406, 415].includes(status),
        ),
      ),
      { numRuns: 2_000 },
    )
  })
})

function isNotification(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'method' in value && !('id' in value)
}

describe('keys of prototype pollution', () => {
  for (const payload of [
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{"polluted":1}}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"constructor":{"prototype":{"polluted":1}}}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"\\u005f_proto__":{"polluted":1}}}',
    '[{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"polluted":1}}]',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"__proto__":{"text":"x"}}}}',
  ]) {
    test(`change nothing: ${payload.slice(30, 80)}…`, async (t: TestContext) => {
      const { app } = await buildApp(t, {}, { extendCatalog: () => fixtureCatalog })
      const response = await app.inject({
        method: 'POST',
        url: '/',
        payload,
        headers: { 'content-type': 'application/json' },
      })
      t.assert.equal(response.statusCode, 400)
      t.assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
    })
  }
  for (const method of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    test(`are no method and no tool: ${method}`, async (t: TestContext) => {
      const { app } = await buildApp(t, {}, { extendCatalog: () => fixtureCatalog })
      const call = (message: object) => app.inject({ method: 'POST', url: '/', payload: message })
      t.assert.equal((await call({ jsonrpc: '2.0', id: 1, method })).json().error.code, -32601)
      const tool = await call({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: method } })
      t.assert.equal(tool.json().error.code, -32602)
    })
  }
})

describe('untrusted text', () => {
  const nasty = 'x\r\n{"level":60,"msg":"forged"}\n\u001b[31mred\u2028\u0000'

  test('adds no log line and appears in none', async (t: TestContext) => {
    const { app, logs } = await buildApp(t, { LOG_LEVEL: 'trace' }, { extendCatalog: () => fixtureCatalog })
    for (const message of [
      { jsonrpc: '2.0', id: nasty, method: nasty },
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: nasty, arguments: { [nasty]: nasty } } },
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { text: nasty } } },
    ]) {
      await app.inject({ method: 'POST', url: '/', payload: message })
    }
    await app.inject({ url: '/%0d%0aforged', headers: { 'x-request-id': 'a b{}', 'user-agent': 'forged' } })
    for (const line of logs.lines) {
      const entry = JSON.parse(line)
      t.assert.notEqual(entry.msg, 'forged')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      t.assert.doesNotMatch(line, /[\u0000-\u001f\u007f]/)
    }
  })

  test('adds no metric series', async (t: TestContext) => {
    const { app } = await buildApp(t, {}, { extendCatalog: () => fixtureCatalog })
    // Node's own series change with garbage collection.
    const series = async () =>
      (await app.inject('/metrics')).body.split('\n').filter((line) => line.startsWith('image_mcp_'))
    const before = await series()
    for (let n = 0; n < 50; n++) {
      const name = `made_up_${n}"} 1\nforged_total{a="`
      await app.inject({ method: 'POST', url: '/', payload: { jsonrpc: '2.0', id: 1, method: name } })
      await app.inject({
        method: 'POST',
        url: '/',
        payload: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } },
      })
      await app.inject(`/made-up-${n}`)
    }
    const after = await series()
    t.assert.doesNotMatch(after.join('\n'), /made_up|made-up|forged/)
    t.assert.ok(after.length - before.length < 60, `${after.length - before.length} new series`)
  })

  test('appears in no header', async (t: TestContext) => {
    const { app } = await buildApp(t, {}, { extendCatalog: () => fixtureCatalog })
    for (const id of ['a\r\nset-cookie: x=1', 'a b', 'ü', 'x'.repeat(65), '']) {
      const response = await app.inject({
        method: 'POST',
        url: '/',
        payload: { jsonrpc: '2.0', id, method: id },
        headers: { 'x-request-id': id, origin: `http://localhost/${id}` },
      })
      t.assert.match(String(response.headers['x-request-id']), /^[\w-]{36}$/)
      t.assert.equal(response.headers['set-cookie'], undefined)
    }
  })
})
