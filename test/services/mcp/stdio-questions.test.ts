import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { createQuestions } from '../../../services/mcp/questions.ts'
import { askingTool } from '../../support/asking-tool.ts'
import { accepted } from '../../support/handshake-client.ts'
import { serve } from '../../support/stdio-pipes.ts'

const VERSION = '2025-11-25'

/** A client that can be asked, after its handshake. */
async function greet(
  t: TestContext,
  { version = VERSION, capabilities = { elicitation: {} }, maxQuestionMs = 60_000 } = {},
) {
  const pipes = serve(t, [askingTool], { questions: createQuestions({ key: randomBytes(32) }), maxQuestionMs })
  const params = { protocolVersion: version, capabilities, clientInfo: { name: 'asked', version: '1' } }
  pipes.say({ jsonrpc: '2.0', id: 'hello', method: 'initialize', params })
  await pipes.next(version)
  const next = async () => Object(await pipes.next(version))
  const call = (id: number) => pipes.say({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'ask_first' } })
  const respond = (id: string, result: object) => pipes.say({ jsonrpc: '2.0', id, result })
  return { ...pipes, next, call, respond }
}

for (const version of ['2025-11-25', '2025-06-18']) {
  test(`a client of ${version} is asked on its pipe, and its response ends the call`, async (t: TestContext) => {
    const { call, next, respond } = await greet(t, { version })
    call(1)
    const { id, method, params } = await next()
    t.assert.deepStrictEqual(
      [method, params.message, params.mode],
      ['elicitation/create', 'This costs money.', version === VERSION ? 'form' : undefined],
    )
    respond(id, accepted({ ok: true }))
    t.assert.partialDeepStrictEqual(await next(), { id: 1, result: { content: [{ text: 'confirmed' }] } })
  })
}

for (const [what, options] of [
  ['that declares no elicitation', { capabilities: {} }],
  ['of 2025-03-26', { version: '2025-03-26' }],
] as const) {
  test(`a client ${what} is not asked`, async (t: TestContext) => {
    const { call, next } = await greet(t, options as object)
    call(1)
    t.assert.partialDeepStrictEqual(await next(), { id: 1, result: { content: [{ text: 'pass "confirmed": true' }] } })
  })
}

test('responses come through however many calls wait for one', async (t: TestContext) => {
  const { call, next, respond } = await greet(t)
  const count = 64
  for (let n = 0; n < count; n++) call(n)
  const questions: { id: string }[] = []
  for (let n = 0; n < count; n++) questions.push(await next())
  call(count)
  t.assert.partialDeepStrictEqual(await next(), { id: count, error: { code: 503 } })
  for (const { id } of questions) respond(id, accepted({ ok: true }))
  const texts = new Set<string>()
  for (let n = 0; n < count; n++) texts.add((await next()).result.content[0].text)
  t.assert.deepStrictEqual(texts, new Set(['confirmed']))
})

test('a client that cancels its call is told that the question is over, and gets no response', async (t: TestContext) => {
  const { call, next, respond, say } = await greet(t)
  call(1)
  const { id } = await next()
  say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
  t.assert.partialDeepStrictEqual(await next(), { method: 'notifications/cancelled', params: { requestId: id } })
  respond(id, accepted({ ok: true }))
  say({ jsonrpc: '2.0', id: 2, method: 'ping' })
  t.assert.partialDeepStrictEqual(await next(), { id: 2, result: {} })
})

test('a client that does not respond in time has cancelled', async (t: TestContext) => {
  const { call, next } = await greet(t, { maxQuestionMs: 20 })
  call(1)
  const { id } = await next()
  t.assert.partialDeepStrictEqual(await next(), { method: 'notifications/cancelled', params: { requestId: id } })
  t.assert.partialDeepStrictEqual(await next(), { id: 1, result: { content: [{ text: 'not confirmed' }] } })
})

test('the end of the input ends every question: no response can come any more', async (t: TestContext) => {
  const { call, next, input, done } = await greet(t)
  call(1)
  await next()
  input.end()
  t.assert.partialDeepStrictEqual(await next(), { method: 'notifications/cancelled' })
  t.assert.partialDeepStrictEqual(await next(), { id: 1, error: { code: 503 } })
  await done
})
