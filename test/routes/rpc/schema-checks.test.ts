import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { Validator } from 'typebox/compile'
import { serveStdio } from '../../../services/mcp/stdio.ts'
import { noTrace } from '../../../services/telemetry/trace.ts'
import { buildApp } from '../../support/app.ts'
import { silent } from '../../support/calls.ts'
import { fixtureCatalog } from '../../support/fixture-catalog.ts'

const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { text: 'hello' } } }
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  progressToken: 1,
}
const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

/** Counts the checks of compiled schemas from now on. */
function countChecks(t: TestContext): () => number {
  const check = t.mock.method(Validator.prototype, 'Check')
  return () => check.mock.callCount()
}

for (const [what, message, headers, most] of [
  ['a tool call: envelope, params, arguments', call, {}, 3],
  [
    'a modern tool call',
    { ...call, params: { ...call.params, _meta: meta } },
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' },
    3,
  ],
  ['a list: envelope, params', list, {}, 2],
  ['an unknown method: envelope, and its id for the error', { ...list, method: 'images/paint' }, {}, 2],
  ['an invalid envelope, and its id for the error', { ...list, jsonrpc: '1.0' }, {}, 2],
] as const) {
  test(`${most} schema checks over HTTP for ${what}`, async (t: TestContext) => {
    const { app } = await buildApp(t, {}, { extendCatalog: () => fixtureCatalog })
    const checks = countChecks(t)
    const { statusCode } = await app.inject({ method: 'POST', url: '/', payload: message, headers })
    t.assert.ok(statusCode === 200 || statusCode === 400)
    t.assert.equal(checks(), most)
  })
}

test('3 schema checks over stdio for a tool call', async (t: TestContext) => {
  const { app } = await buildApp(t, {}, { extendCatalog: () => fixtureCatalog })
  const [input, output] = [new PassThrough(), new PassThrough()]
  const checks = countChecks(t)
  input.end(JSON.stringify(call))
  await serveStdio({
    dispatcher: app.mcp,
    input,
    output,
    log: silent,
    trace: noTrace,
    maxMessageBytes: 4096,
    callDeadlineMs: 30_000,
    newRequestId: () => 'r',
    pool: app.bufferPool,
    enter: app.drain.enter,
    onForceClose() {},
  })
  t.assert.match(String(output.read()), /hello/)
  t.assert.equal(checks(), 3)
})
