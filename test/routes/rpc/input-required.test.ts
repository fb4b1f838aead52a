import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { askForm, formResponse, InputRequired } from '../../../services/calls/input.ts'
import type { CallContext, ToolResult } from '../../../services/calls/types.ts'
import type { ResourceSource } from '../../../services/resources/types.ts'
import { buildApp } from '../../support/app.ts'
import { askingTool, rashTool } from '../../support/asking-tool.ts'
import { verifies } from '../../support/verifies.ts'

const VERSION = '2026-07-28'
const catalog = { tools: [askingTool, rashTool] }

interface Sent {
  name?: string
  args?: object
  capabilities?: object
  key?: string
  more?: object
}

const metaOf = (capabilities: object) => ({
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': capabilities,
})

/** A modern call of a tool, by a client with these capabilities. */
async function call(app: FastifyInstance, sent: Sent) {
  const { name = 'ask_first', args = {}, capabilities = { elicitation: {} }, key, more = {} } = sent
  const _meta = metaOf(capabilities)
  const response = await app.inject({
    method: 'POST',
    url: '/mcp',
    headers: {
      'mcp-protocol-version': VERSION,
      'mcp-method': 'tools/call',
      'mcp-name': name,
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    payload: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args, ...more, _meta } },
  })
  const { result, error } = response.json()
  return { status: response.statusCode, result, error, text: result?.content?.[0]?.text }
}

const accept = (content: object) => ({ inputResponses: { confirm: { action: 'accept', content } } })
const build = async (t: TestContext, environment = {}) =>
  (await buildApp(t, environment, { extendCatalog: () => catalog })).app

verifies(
  'input-required',
  'a client that can show forms is asked, and its response ends the call',
  async (t: TestContext) => {
    const app = await build(t)
    const { result: asked } = await call(app, {})
    const { requestState, _meta, ...rest } = asked
    t.assert.deepStrictEqual(rest, {
      resultType: 'input_required',
      inputRequests: {
        confirm: {
          method: 'elicitation/create',
          params: {
            mode: 'form',
            message: 'This costs money.',
            requestedSchema: {
              type: 'object',
              required: ['ok'],
              properties: { ok: { type: 'boolean', title: 'Go ahead?' } },
            },
          },
        },
      },
    })
    const { result, text } = await call(app, { more: { ...accept({ ok: true }), requestState } })
    t.assert.strictEqual(result.resultType, 'complete')
    t.assert.strictEqual(text, 'confirmed')
  },
)

for (const [action, text] of [
  ['decline', 'not confirmed'],
  ['cancel', 'not confirmed'],
] as const) {
  test(`the response "${action}" reaches the tool`, async (t: TestContext) => {
    const app = await build(t)
    const { requestState } = (await call(app, {})).result
    const again = await call(app, { more: { inputResponses: { confirm: { action } }, requestState } })
    t.assert.strictEqual(again.text, text)
  })
}

for (const [what, capabilities] of [
  ['nothing', {}],
  ['addresses only', { elicitation: { url: {} } }],
  ['sampling only', { sampling: {} }],
  ['null', { elicitation: null }],
] as const) {
  test(`a client that declares ${what} is not shown a form`, async (t: TestContext) => {
    const { text } = await call(await build(t), { capabilities })
    t.assert.strictEqual(text, 'pass "confirmed": true')
  })
}

for (const [what, capabilities] of [
  ['an empty list', { elicitation: [] }],
  ['forms', { elicitation: { form: {} } }],
  ['forms and addresses', { elicitation: { form: {}, url: {} } }],
] as const) {
  test(`a client that declares ${what} for elicitation is shown forms`, async (t: TestContext) => {
    const { result } = await call(await build(t), { capabilities })
    t.assert.strictEqual(result.resultType, 'input_required')
  })
}

test('what a client did not declare is an error -32021, even if a tool asks for it', async (t: TestContext) => {
  const app = await build(t)
  const { status, error } = await call(app, { name: 'ask_rashly', args: { mode: 'url' } })
  t.assert.strictEqual(status, 400)
  t.assert.partialDeepStrictEqual(error, { code: -32021, data: { requiredCapabilities: { elicitation: {} } } })
  const { result } = await call(app, {
    name: 'ask_rashly',
    args: { mode: 'url' },
    capabilities: { elicitation: { url: {} } },
  })
  t.assert.partialDeepStrictEqual(result, {
    resultType: 'input_required',
    inputRequests: { it: { params: { mode: 'url', url: 'https://images.example/consent' } } },
  })
  t.assert.ok(!('requestState' in result), 'nothing is to be stored')
})

for (const [version, headers] of [
  ['without a version', {}],
  ['of 2025-11-25', { 'mcp-protocol-version': '2025-11-25' }],
] as const) {
  test(`a request ${version} is never answered with questions`, async (t: TestContext) => {
    const app = await build(t)
    const response = await app.inject({
      method: 'POST',
      url: '/mcp',
      headers,
      payload: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        // Members that this revision does not know.
        params: { name: 'ask_first', arguments: {}, inputResponses: 7, requestState: [] },
      },
    })
    t.assert.deepStrictEqual(response.json().result.content, [{ type: 'text', text: 'pass "confirmed": true' }])
  })
}

for (const [what, more] of [
  ['no response', {}],
  ['a response under another key', { inputResponses: { other: { action: 'accept', content: { ok: true } } } }],
  ['a response that is no object', { inputResponses: { confirm: 12_345 } }],
  ['an unknown action', { inputResponses: { confirm: { action: 'yes' } } }],
  ['content of another type', accept({ ok: 'true' })],
  ['content without the answer', accept({})],
  ['no content', { inputResponses: { confirm: { action: 'accept' } } }],
  ['null', { inputResponses: null }],
  ['an empty list, as PHP writes an empty object', { inputResponses: [] }],
] as const) {
  test(`${what} is asked for again`, async (t: TestContext) => {
    const app = await build(t)
    const { requestState } = (await call(app, {})).result
    const { result } = await call(app, { more: { ...more, requestState } })
    t.assert.strictEqual(result.resultType, 'input_required')
  })
}

test('unknown keys beside the response are ignored', async (t: TestContext) => {
  const app = await build(t)
  const { requestState } = (await call(app, {})).result
  const { inputResponses } = accept({ ok: false, more: 1 })
  const more = { inputResponses: { ...inputResponses, __proto__x: 1, other: null }, requestState }
  t.assert.strictEqual((await call(app, { more })).text, 'rejected')
})

for (const [what, more] of [
  ['responses that are a list', { inputResponses: [1] }],
  ['responses that are a text', { inputResponses: 'yes' }],
  ['a state that is a number', { requestState: 7 }],
  ['a state that this service did not write', { requestState: 'AAAA' }],
  ['an empty state', { requestState: '' }],
] as const) {
  test(`${what} is an error -32602`, async (t: TestContext) => {
    const { status, error } = await call(await build(t), { more })
    t.assert.strictEqual(error.code, -32602)
    t.assert.strictEqual(status, 200)
  })
}

verifies('request-state', 'a state belongs to its caller, its tool and its arguments', async (t: TestContext) => {
  const app = await build(t, { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789' })
  const ann = 'key-of-ann-0123456789'
  const { requestState } = (await call(app, { key: ann, args: { note: 'a' } })).result
  const more = { ...accept({ ok: true }), requestState }
  for (const sent of [
    { key: 'key-of-bob-0123456789', args: { note: 'a' } },
    { key: ann, args: { note: 'b' } },
    { key: ann, name: 'ask_rashly', args: { mode: 'form' } },
  ]) {
    t.assert.strictEqual((await call(app, { ...sent, more })).error.code, -32602)
  }
  t.assert.strictEqual((await call(app, { key: ann, args: { note: 'a' }, more })).text, 'confirmed')
})

test('a state is for the same image, wherever it stands in the arguments', async (t: TestContext) => {
  const app = await build(t)
  // Long enough to be decoded while the message is parsed.
  const [one, other] = [randomBytes(90_000).toString('base64'), randomBytes(90_000).toString('base64')]
  for (const member of ['image', 'note']) {
    const { requestState } = (await call(app, { args: { [member]: one } })).result
    const more = { ...accept({ ok: true }), requestState }
    t.assert.strictEqual((await call(app, { args: { [member]: other }, more })).error.code, -32602)
    t.assert.strictEqual((await call(app, { args: { [member]: one }, more })).text, 'confirmed')
  }
})

test('a state may be sent twice: what must happen once needs a mark of its own', async (t: TestContext) => {
  const app = await build(t)
  const { requestState } = (await call(app, {})).result
  const more = { ...accept({ ok: true }), requestState }
  t.assert.strictEqual((await call(app, { more })).text, 'confirmed')
  t.assert.strictEqual((await call(app, { more })).text, 'confirmed')
})

test('questions are counted as such, and cost no quota', async (t: TestContext) => {
  const paid = { ...askingTool, name: 'generate_image', cost: () => 1 }
  const { app } = await buildApp(t, { IMAGES_PER_DAY: '1' }, { extendCatalog: () => ({ tools: [paid] }) })
  const asked = await call(app, { name: 'generate_image' })
  await call(app, { name: 'generate_image' })
  const more = { ...accept({ ok: true }), requestState: asked.result.requestState }
  t.assert.strictEqual((await call(app, { name: 'generate_image', more })).text, 'confirmed')
  const metrics = await app.inject({ url: '/metrics' })
  t.assert.match(
    metrics.body,
    /image_mcp_tool_calls_total\{tool="generate_image",outcome="input_required",door="mcp"\} 2/,
  )
})

test('reading a resource may ask as well, and questions are not cached', async (t: TestContext) => {
  const question = askForm('Which part?', Type.Object({ part: Type.String() }))
  const resources: ResourceSource = {
    templates: [],
    list: async () => ({ resources: [] }),
    async read(uri, { input }) {
      if (input === undefined) return [{ uri, text: 'all' }]
      const response = formResponse(input, 'part', Type.Object({ part: Type.String() }))
      if (response?.content === undefined) throw new InputRequired({ part: question })
      return [{ uri, text: response.content.part }]
    },
  }
  const { app } = await buildApp(t, {}, { extendCatalog: () => ({ tools: [], resources }) })
  const read = async (more: object) => {
    const params = { uri: 'test://book', ...more, _meta: metaOf({ elicitation: {} }) }
    const headers = { 'mcp-protocol-version': VERSION, 'mcp-method': 'resources/read', 'mcp-name': 'test://book' }
    const payload = { jsonrpc: '2.0', id: 1, method: 'resources/read', params }
    return (await app.inject({ method: 'POST', url: '/mcp', headers, payload })).json().result
  }
  const asked = await read({})
  t.assert.strictEqual(asked.resultType, 'input_required')
  t.assert.ok(!('ttlMs' in asked) && !('cacheScope' in asked))
  const read2 = await read({ inputResponses: { part: { action: 'accept', content: { part: 'one' } } } })
  t.assert.partialDeepStrictEqual(read2, { resultType: 'complete', contents: [{ text: 'one' }], ttlMs: 60_000 })
})

test('a long text in a response is a text', async (t: TestContext) => {
  const NoteSchema = Type.Object({ note: Type.String() })
  const tool = {
    ...askingTool,
    call: async (_args: unknown, { input }: CallContext): Promise<ToolResult> => {
      const note = input && formResponse(input, 'note', NoteSchema)?.content?.note
      if (note === undefined) throw new InputRequired({ note: askForm('Well?', NoteSchema) })
      return { content: [{ type: 'text', text: String(note.length) }] }
    },
  }
  const { app } = await buildApp(t, {}, { extendCatalog: () => ({ tools: [tool] }) })
  const note = randomBytes(90_000).toString('base64')
  const more = { inputResponses: { note: { action: 'accept', content: { note } } } }
  t.assert.strictEqual((await call(app, { more })).text, '120000')
})
