import { describe, type TestContext, test } from 'node:test'
import Type from 'typebox'
import { askForm, formResponse, type InputRequest, InputRequired } from '../../../services/calls/input.ts'
import type { Tool } from '../../../services/calls/types.ts'
import { listen } from '../../support/app.ts'
import { askingTool, rashTool } from '../../support/asking-tool.ts'
import { accepted, greet, textOf } from '../../support/handshake-client.ts'
import { post } from '../../support/service.ts'
import { waitFor } from '../../support/wait-for.ts'

const keys = { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789' }
const as = (name: string) => ({ 'x-api-key': `key-of-${name}-0123456789` })

const PAGE = 'https://images.example/uploads/1'
/** Opens a page, and has its result once something was done there. */
function addressTool() {
  const done = Promise.withResolvers<void>()
  const page: InputRequest = { method: 'elicitation/create', params: { mode: 'url', message: 'Open it.', url: PAGE } }
  const tool: Tool = {
    ...askingTool,
    name: 'open_page',
    call: async (_args, { input }) => {
      if (input?.canAsk('url') !== true) return { content: [{ type: 'text', text: `open ${PAGE}` }] }
      const { page: response } = input.responses
      if (response !== undefined && Object(response).action !== 'accept')
        return { content: [{ type: 'text', text: 'no' }] }
      if (response === undefined) throw new InputRequired({ page })
      await done.promise
      input.pageServed?.(PAGE)
      return { content: [{ type: 'text', text: 'uploaded' }] }
    },
  }
  return { tool, finish: () => done.resolve() }
}

const start = (
  t: TestContext,
  tools: readonly Tool[] = [askingTool, rashTool],
  environment = {},
  questionMs = 300_000,
) => listen(t, environment, { extendCatalog: () => ({ tools }), timing: { questionMs } })

describe('a session id', () => {
  for (const [version, capabilities, isGiven] of [
    ['2025-11-25', { elicitation: {} }, true],
    ['2025-11-25', { elicitation: { url: {} } }, true],
    ['2025-06-18', { elicitation: {} }, true],
    ['2025-06-18', {}, false],
    ['2025-11-25', { sampling: {}, roots: {} }, false],
    ['2025-03-26', { elicitation: {} }, false],
    ['2024-11-05', { elicitation: {} }, false],
  ] as const) {
    test(`is ${isGiven ? '' : 'not '}given to a client of ${version} with ${JSON.stringify(capabilities)}`, async (t: TestContext) => {
      const { url } = await start(t)
      const { session } = await greet(url, { version, capabilities })
      t.assert.strictEqual(session !== undefined, isGiven)
      if (session !== undefined) t.assert.match(session, /^[\x21-\x7e]{100,600}$/)
    })
  }

  test('stays short, however long the name of the client is', async (t: TestContext) => {
    const { url } = await start(t)
    const clientInfo = { name: '\u{1f5bc}'.repeat(500), version: '9'.repeat(1_000) }
    t.assert.ok(((await greet(url, { clientInfo })).session?.length ?? 0) < 512)
  })

  test('that is unknown, changed or another caller’s is ignored: the call is served without a question', async (t: TestContext) => {
    const { url } = await start(t, undefined, keys)
    const { session = '' } = await greet(url, { headers: as('ann') })
    const [content = '', signature = ''] = session.split('.')
    const forged = Buffer.from(content, 'base64url').toString().replace('asked-client', 'asked-clients')
    for (const id of [
      'x',
      '.',
      `${content}.`,
      `${content}.${signature}.`,
      `${content}.${signature.toLowerCase()}`,
      `${Buffer.from(forged).toString('base64url')}.${signature}`,
      'é'.repeat(50),
      'a'.repeat(10_000),
    ]) {
      const headers = { ...as('ann'), 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': id }
      const { status, response } = await post(url, callOf('ask_first'), {
        ...headers,
        accept: 'text/event-stream, */*',
      })
      t.assert.deepStrictEqual(
        [status, response.result?.content[0]?.text],
        [200, 'pass "confirmed": true'],
        id.slice(0, 80),
      )
    }
    const others = { ...as('bob'), 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': session }
    const { response } = await post(url, callOf('ask_first'), { ...others, accept: 'text/event-stream, */*' })
    t.assert.strictEqual(response.result?.content[0]?.text, 'pass "confirmed": true')
  })

  test('cannot be ended, and is readable by web pages', async (t: TestContext) => {
    const { url } = await start(t)
    const { headers } = await greet(url)
    const { status } = await fetch(`${url}/mcp`, { method: 'DELETE', headers })
    t.assert.strictEqual(status, 405)
    const response = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    })
    t.assert.match(response.headers.get('access-control-expose-headers') ?? '', /Mcp-Session-Id/)
  })
})

const callOf = (name: string) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })

describe('a client of 2025-11-25', () => {
  test('is asked on the stream of its call, and its response ends the call', async (t: TestContext) => {
    const { url, logs } = await start(t, undefined, { LOG_LEVEL: 'debug' })
    const client = await greet(url)
    const call = await client.call('ask_first')
    const { id, ...question } = await call.question()
    t.assert.deepStrictEqual(question, {
      jsonrpc: '2.0',
      method: 'elicitation/create',
      params: {
        mode: 'form',
        message: 'This costs money.',
        requestedSchema: {
          type: 'object',
          properties: { ok: { type: 'boolean', title: 'Go ahead?' } },
          required: ['ok'],
        },
      },
    })
    t.assert.match(id, /^[\w-]{46}$/)
    t.assert.strictEqual(await client.answer({ id }, accepted({ ok: true })), 202)
    t.assert.strictEqual(textOf(await call.response()), 'confirmed')
    t.assert.ok(!logs.text.includes(id) && !logs.text.includes(client.session ?? 'none'), 'neither id is logged')
  })

  for (const [what, result, text] of [
    ['declines', { action: 'decline' }, 'not confirmed'],
    ['cancels', { action: 'cancel', content: null }, 'not confirmed'],
    ['says no', accepted({ ok: false }), 'rejected'],
  ] as const) {
    test(`that ${what} is understood`, async (t: TestContext) => {
      const { url } = await start(t)
      const client = await greet(url)
      const call = await client.call('ask_first')
      await client.answer(await call.question(), result)
      t.assert.strictEqual(textOf(await call.response()), text)
    })
  }

  test('gets a wrong response back once, as the same question', async (t: TestContext) => {
    const { url } = await start(t)
    const client = await greet(url)
    const call = await client.call('ask_first')
    const first = await call.question()
    await client.answer(first, accepted({ ok: 'yes' }))
    const second = await call.question()
    t.assert.deepStrictEqual([second.params, second.id === first.id], [first.params, false])
    await client.answer(second, accepted({ ok: true }))
    t.assert.strictEqual(textOf(await call.response()), 'confirmed')
  })

  for (const [what, message] of [
    ['two wrong responses', { result: { action: 'accept' } }],
    ['no object', { result: 'yes' }],
    ['an error', { error: { code: -32601, message: 'Method not found' } }],
    ['a response that is too long', { result: accepted({ ok: true, more: 'x'.repeat(70_000) }) }],
    [
      'a response with too much in it',
      { result: accepted({ ok: true, more: Array.from({ length: 9_000 }, () => 1) }) },
    ],
  ] as const) {
    test(`that sends ${what} gets what clients get that cannot be asked`, async (t: TestContext) => {
      const { url } = await start(t)
      const client = await greet(url)
      const call = await client.call('ask_first')
      await client.send({ id: (await call.question()).id, ...message })
      if (what === 'two wrong responses' || what === 'no object') {
        await client.send({ id: (await call.question()).id, ...message })
      }
      t.assert.strictEqual(textOf(await call.response()), 'pass "confirmed": true')
    })
  }

  test('that does not respond in time has cancelled, and is told that the question is over', async (t: TestContext) => {
    const { url } = await start(t, undefined, {}, 50)
    const client = await greet(url)
    const call = await client.call('ask_first')
    const question = await call.question()
    const [over, response] = await call.rest()
    t.assert.partialDeepStrictEqual(over, { method: 'notifications/cancelled', params: { requestId: question.id } })
    t.assert.strictEqual(textOf(response), 'not confirmed')
    t.assert.strictEqual(await client.answer(question, accepted({ ok: true })), 202)
  })

  test('is asked at most half of the time that its call has', async (t: TestContext) => {
    const { url } = await start(t, undefined, { CALL_DEADLINE_MS: '1000' })
    const client = await greet(url)
    const call = await client.call('ask_first')
    await call.question()
    t.assert.strictEqual(textOf(await call.response()), 'not confirmed')
  })

  test('that accepts no event stream, or sends a batch, is not asked', async (t: TestContext) => {
    const { url } = await start(t)
    const { headers } = await greet(url)
    const { response } = await post(url, callOf('ask_first'), { ...headers, accept: 'application/json' })
    t.assert.strictEqual(response.result?.content[0]?.text, 'pass "confirmed": true')
    const batch = await post(url, `[${callOf('ask_first')}]`, { ...headers, 'mcp-protocol-version': '2025-03-26' })
    t.assert.strictEqual(Object(batch.response)[0].result.content[0].text, 'pass "confirmed": true')
  })

  test('that asked for progress sees it rise through the question', async (t: TestContext) => {
    const { url } = await start(t)
    const client = await greet(url)
    const call = await client.call('ask_first', {}, { meta: { progressToken: 'p' } })
    const question = await call.question()
    await client.answer(question, accepted({ ok: 1 }))
    await client.answer(await call.question(), accepted({ ok: true }))
    t.assert.strictEqual(textOf(await call.response()), 'confirmed')
  })

  test('is asked in the middle of an image of its own, which the second run still has', async (t: TestContext) => {
    const { url } = await start(t)
    const client = await greet(url)
    const image = Buffer.alloc(300_000, 7).toString('base64')
    const call = await client.call('ask_first', { image })
    await client.answer(await call.question(), accepted({ ok: true }))
    t.assert.strictEqual(textOf(await call.response()), 'confirmed')
  })

  test('that asks for what it did not declare is not asked by a rash tool', async (t: TestContext) => {
    const { url } = await start(t)
    const client = await greet(url)
    const response = await (await client.call('ask_rashly', { mode: 'url' })).response()
    t.assert.strictEqual(response.error.code, -32603)
  })

  test('that disconnects while it is asked ends its call', async (t: TestContext) => {
    const { url, app } = await start(t)
    const client = await greet(url)
    const call = await client.call('ask_first')
    await call.question()
    call.stream.disconnect()
    await waitFor('the end', async () => {
      const text = await app.metrics.registry.metrics()
      return /rpc_requests_total\{method="tools\/call",outcome="cancelled"\} 1/.test(text)
    })
  })

  test('that no longer waits ends its question, but not that of another session with the same id', async (t: TestContext) => {
    const { url } = await start(t)
    const [ann, bob] = [await greet(url), await greet(url)]
    const calls = [await ann.call('ask_first', {}, { id: 5 }), await bob.call('ask_first', {}, { id: 5 })] as const
    await calls[0].question()
    const question = await calls[1].question()
    const cancel = { method: 'notifications/cancelled', params: { requestId: 5 } }
    t.assert.strictEqual(await ann.send(cancel), 202)
    t.assert.match((await calls[0].response()).error.message, /cancelled before anything was sent/)
    await bob.answer(question, accepted({ ok: true }))
    t.assert.strictEqual(textOf(await calls[1].response()), 'confirmed')
  })

  test('gets its question only from itself: another caller’s response is dropped, and so is a second one', async (t: TestContext) => {
    const { url } = await start(t, undefined, keys)
    const ann = await greet(url, { headers: as('ann') })
    const call = await ann.call('ask_first')
    const question = await call.question()
    t.assert.strictEqual(await ann.answer(question, accepted({ ok: false }), as('bob')), 202)
    const noCaller = await ann.answer(question, accepted({ ok: false }), { 'x-api-key': 'wrong' })
    t.assert.strictEqual(noCaller, 401)
    for (const id of ['x', `${question.id}x`, question.id.toLowerCase(), `${'a'.repeat(46)}`]) {
      t.assert.strictEqual(await ann.answer({ id }, accepted({ ok: false })), 202)
    }
    t.assert.strictEqual(await ann.answer(question, accepted({ ok: true })), 202)
    t.assert.strictEqual(await ann.answer(question, accepted({ ok: false })), 202)
    t.assert.strictEqual(textOf(await call.response()), 'confirmed')
  })

  test('that never responds holds up nobody: a hundred others are asked and served, and at 250 it is not asked any more', async (t: TestContext) => {
    const { url } = await start(t, undefined, { ...keys, MAX_CONCURRENT_CALLS: '2', RATE_LIMIT_PER_MINUTE: '0' })
    const [silent, busy] = [await greet(url, { headers: as('ann') }), await greet(url, { headers: as('bob') })]
    const open = await Promise.all(Array.from({ length: 250 }, () => silent.call('ask_first')))
    await Promise.all(open.map((call) => call.question()))
    const refused = await silent.call('ask_first')
    t.assert.strictEqual(textOf(await refused.response()), 'pass "confirmed": true')
    const texts = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const call = await busy.call('ask_first')
        await busy.answer(await call.question(), accepted({ ok: true }))
        return textOf(await call.response())
      }),
    )
    t.assert.deepStrictEqual(new Set(texts), new Set(['confirmed']))
    for (const { stream } of open) stream.disconnect()
  })

  test('is told at once when the service shuts down, since no response could arrive any more', async (t: TestContext) => {
    const { url, app } = await start(t, undefined, { SHUTDOWN_GRACE_MS: '20000' })
    const client = await greet(url)
    const call = await client.call('ask_first')
    await call.question()
    const closed = app.close()
    const { error } = await call.response()
    t.assert.strictEqual(error.code, 503)
    t.assert.match(error.message, /Nothing was generated or billed/)
    await closed
  })
})

describe('an address', () => {
  test('is opened once, and the client is notified when it has served its purpose', async (t: TestContext) => {
    const { tool, finish } = addressTool()
    const { url } = await start(t, [tool])
    const client = await greet(url, { capabilities: { elicitation: { url: {} } } })
    const call = await client.call('open_page')
    const { id, params } = await call.question()
    const { elicitationId, ...shown } = params
    t.assert.deepStrictEqual(shown, { mode: 'url', message: 'Open it.', url: PAGE })
    await client.answer({ id }, { action: 'accept' })
    finish()
    const messages = await call.rest()
    t.assert.deepStrictEqual(messages.slice(0, -1), [
      { jsonrpc: '2.0', method: 'notifications/elicitation/complete', params: { elicitationId } },
    ])
    t.assert.strictEqual(textOf(messages.at(-1)), 'uploaded')
  })

  test('that the user does not want to open is not asked for again', async (t: TestContext) => {
    const { tool } = addressTool()
    const { url } = await start(t, [tool])
    const client = await greet(url, { capabilities: { elicitation: { form: {}, url: {} } } })
    const call = await client.call('open_page')
    await client.answer(await call.question(), { action: 'decline' })
    const messages = await call.rest()
    t.assert.deepStrictEqual([messages.length, textOf(messages[0])], [1, 'no'])
  })

  for (const [version, capabilities] of [
    ['2025-11-25', { elicitation: {} }],
    ['2025-06-18', { elicitation: { url: {} } }],
  ] as const) {
    test(`is not opened by a client of ${version} with ${JSON.stringify(capabilities)}`, async (t: TestContext) => {
      const { tool } = addressTool()
      const { url } = await start(t, [tool])
      const client = await greet(url, { version, capabilities })
      t.assert.strictEqual(textOf(await (await client.call('open_page')).response()), `open ${PAGE}`)
    })
  }
})

test('a client of 2025-06-18 gets forms as it knows them', async (t: TestContext) => {
  const NarrowSchema = Type.Object({
    style: Type.Unsafe<string>({
      type: 'string',
      oneOf: [
        { const: 'a', title: 'First' },
        { const: 'b', title: 'Second' },
      ],
      default: 'a',
    }),
    note: Type.Optional(Type.String({ pattern: '^x', maxLength: 5, default: 'x' })),
    ok: Type.Boolean({ default: true }),
  })
  const tool: Tool = {
    ...askingTool,
    call: async (_args, { input }) => {
      const response = input && formResponse(input, 'it', NarrowSchema)
      if (response === undefined) throw new InputRequired({ it: askForm('Which?', NarrowSchema) })
      return { content: [{ type: 'text', text: String(response.content?.style) }] }
    },
  }
  const { url } = await start(t, [tool])
  const client = await greet(url, { version: '2025-06-18' })
  const call = await client.call('ask_first')
  const question = await call.question()
  t.assert.deepStrictEqual(question.params, {
    message: 'Which?',
    requestedSchema: {
      type: 'object',
      properties: {
        style: { type: 'string', enum: ['a', 'b'], enumNames: ['First', 'Second'] },
        note: { type: 'string', maxLength: 5 },
        ok: { type: 'boolean', default: true },
      },
      required: ['style', 'ok'],
    },
  })
  await client.answer(question, accepted({ style: 'b', ok: true }))
  t.assert.strictEqual(textOf(await call.response()), 'b')
})
