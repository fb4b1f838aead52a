import { type TestContext, test } from 'node:test'
import Type from 'typebox'
import { Base64Image, encodeImage } from '../../../services/bytes/base64-image.ts'
import type { Tool } from '../../../services/calls/types.ts'
import { askingTool } from '../../support/asking-tool.ts'
import { createWaitingTool } from '../../support/fixture-catalog.ts'
import { serve } from '../../support/stdio-pipes.ts'
import { verifies } from '../../support/verifies.ts'

const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' })
const wait = { jsonrpc: '2.0', id: 'w', method: 'tools/call', params: { name: 'wait', _meta: { progressToken: 1 } } }

verifies('stdio-lines', 'responds line by line, and ends when its input ends', async (t: TestContext) => {
  const { say, next, input, done } = serve(t)
  say(ping(1), '', '\r', ping('two'))
  t.assert.deepStrictEqual(await next(), { jsonrpc: '2.0', id: 1, result: {} })
  t.assert.deepStrictEqual(await next(), { jsonrpc: '2.0', id: 'two', result: {} })
  input.end()
  await done
  t.assert.strictEqual(await next(), undefined)
})

test('responds to requests sent before the input ended', async (t: TestContext) => {
  const { catalog, started, finish } = createWaitingTool()
  const { say, next, input } = serve(t, catalog.tools)
  say(wait)
  input.end()
  await started
  finish()
  t.assert.partialDeepStrictEqual(await next(), { id: 'w', result: { content: [{ text: 'done' }] } })
})

test('accepts a last message without a line feed', async (t: TestContext) => {
  const { input, next } = serve(t)
  input.end(JSON.stringify(ping(1)))
  t.assert.partialDeepStrictEqual(await next(), { id: 1 })
})

test('responds to an invalid message and continues', async (t: TestContext) => {
  const { say, next } = serve(t)
  say('{', `"${'x'.repeat(5000)}"`, '5', ping(1))
  const codes = [await next(), await next(), await next()].map((message) => Object(message?.error).code)
  t.assert.deepStrictEqual(codes.sort(), [-32600, -32600, -32700])
  t.assert.partialDeepStrictEqual(await next(), { id: 1, result: {} })
})

verifies(
  'cancel-stdio',
  'notifications/cancelled stops the work, and nothing more is sent for it',
  async (t: TestContext) => {
    const { catalog, started, finish } = createWaitingTool()
    const { say, next } = serve(t, catalog.tools)
    say(wait)
    const context = await started
    context.progress('drawing')
    t.assert.partialDeepStrictEqual(await next(), { method: 'notifications/progress' })
    const stopped = new Promise((resolve) => context.signal.addEventListener('abort', resolve))
    say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'w', reason: 'enough' } })
    await stopped
    context.progress('too late')
    finish()
    say(ping(2))
    t.assert.partialDeepStrictEqual(await next(), { id: 2 })
  },
)

test('ignores the cancellation of a request that does not run', async (t: TestContext) => {
  const { say, next } = serve(t)
  say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'x' } })
  say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: null }, ping(1))
  t.assert.partialDeepStrictEqual(await next(), { id: 1 })
})

test('serves the revision of its handshake afterwards', async (t: TestContext) => {
  const { say, next } = serve(t)
  const handshake = (protocolVersion: string) => ({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion, capabilities: {}, clientInfo: { name: 'c', version: '1' } },
  })
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  const firstTool = async () => Object(Object((await next('2025-11-25'))?.result).tools)[0]
  say(handshake('2024-11-05'))
  await next()
  say(list)
  t.assert.strictEqual((await firstTool()).title, undefined)
  say(handshake('2025-11-25'))
  await next()
  say(list)
  t.assert.strictEqual((await firstTool()).title, 'Echo')
})

test('serves modern requests beside legacy ones, without headers', async (t: TestContext) => {
  const { say, next } = serve(t)
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  say({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta } }, ping(2))
  t.assert.partialDeepStrictEqual(await next('2026-07-28'), { id: 1, result: { resultType: 'complete' } })
  t.assert.partialDeepStrictEqual(await next(), { id: 2, result: {} })
})

test('stops work when the client closes its end', async (t: TestContext) => {
  const { catalog, started, finish } = createWaitingTool()
  const { say, output } = serve(t, catalog.tools)
  say(wait)
  const { signal } = await started
  const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve))
  output.destroy(new Error('EPIPE'))
  await stopped
  finish()
})

/** A tool whose response holds one image. */
const showing = (image: Base64Image): Tool => ({
  name: 'show',
  title: 'Show',
  description: 'Shows an image.',
  inputSchema: Type.Object({}),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  call: async () => ({ content: [{ type: 'image', data: image, mimeType: image.mimeType }] }),
})
const show = { jsonrpc: '2.0', id: 's', method: 'tools/call', params: { name: 'show' } }
const facts = { mimeType: 'image/png', width: 1, height: 1 } as const

test('waits for a slow client without accumulating listeners', async (t: TestContext) => {
  const { say, next, input, output, done } = serve(t, [showing(encodeImage(Buffer.alloc(3_000_000), facts))])
  const before = output.listenerCount('close')
  let most = 0
  output.on('newListener', () => {
    most = Math.max(most, output.listenerCount('close'))
  })
  say(show)
  t.assert.partialDeepStrictEqual(await next(), { id: 's' })
  t.assert.ok(most <= before + 2, `${most} listeners`)
  input.end()
  await done
})

test('an image that cannot be read to its end fails its own response only', async (t: TestContext) => {
  const broken = new Base64Image(facts, 3, {
    chunks: async function* () {
      yield Buffer.from('AA')
      throw new Error('the disk is gone')
    },
    async [Symbol.asyncDispose]() {},
  })
  const { say, input, output, done } = serve(t, [showing(broken)])
  say(show)
  input.end(`${JSON.stringify(ping(2))}\n`)
  await done
  t.assert.strictEqual(String(output.read()).split('\n').at(-2), '{"jsonrpc":"2.0","id":2,"result":{}}')
})

test('a line in another encoding is rejected, and the next one is processed', async (t: TestContext) => {
  const { next, input, done } = serve(t)
  input.write(Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"Möwe"}}\n`, 'latin1'))
  t.assert.partialDeepStrictEqual(await next(), { error: { code: -32700 } })
  input.write(Buffer.from('\ufeff{"jsonrpc":"2.0","id":2,"method":"ping","params":null}\n'))
  t.assert.deepStrictEqual(await next(), { jsonrpc: '2.0', id: 2, result: {} })
  input.end(Buffer.from('{"jsonrpc":"2.0","id":3,"method":"ping"}', 'utf16le'))
  const rejected = await next()
  t.assert.partialDeepStrictEqual(rejected, { error: { code: -32700 } })
  t.assert.match(JSON.stringify(rejected), /UTF-16/)
  await done
})

test('survives memory of a call that cannot be released', async (t: TestContext) => {
  const stuck: Tool = {
    name: 'stuck',
    title: 'Stuck',
    description: 'Owns a file that cannot be closed.',
    inputSchema: Type.Object({}),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async call(_args, { scope }) {
      scope.defer(() => Promise.reject(new Error('EIO')))
      return { content: [] }
    },
  }
  const { say, next, input, done } = serve(t, [stuck])
  say({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'stuck' } })
  t.assert.strictEqual((await next())?.id, 1)
  say(ping(2))
  t.assert.strictEqual((await next())?.id, 2)
  input.end()
  await done
})

test('a modern client is asked over stdio, and sends its response with the next line', async (t: TestContext) => {
  const { say, next, input, done } = serve(t, [askingTool])
  const call = (id: number, more: object = {}) => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
    }
    say({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'ask_first', arguments: {}, ...more, _meta } })
    return next('2026-07-28')
  }
  const { requestState } = Object((await call(1))?.result)
  const inputResponses = { confirm: { action: 'accept', content: { ok: true } } }
  t.assert.partialDeepStrictEqual(await call(2, { inputResponses, requestState }), {
    result: { resultType: 'complete', content: [{ type: 'text', text: 'confirmed' }] },
  })
  input.end()
  await done
})
