import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { listen } from '../../support/app.ts'
import { createWaitingTool } from '../../support/fixture-catalog.ts'
import { startIssuer } from '../../support/oauth-issuer.ts'
import { waitFor } from '../../support/wait-for.ts'

for (const accept of ['application/json', 'application/json, text/event-stream']) {
  test(`a client that disconnects during its call is logged and counted once (${accept})`, async (t: TestContext) => {
    const { catalog, started, finish } = createWaitingTool()
    const { app, url, logs } = await listen(t, {}, { extendCatalog: () => catalog })
    const disconnected = new AbortController()
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } }
    const headers = { 'content-type': 'application/json', accept }
    const left = fetch(url, { method: 'POST', signal: disconnected.signal, headers, body: JSON.stringify(call) })
    const { signal } = await started
    disconnected.abort()
    await t.assert.rejects(left, { name: 'AbortError' })
    if (!signal.aborted) await once(signal, 'abort')
    finish()
    // A round trip takes longer than the rest of the call.
    await fetch(`${url}/health`)

    const counts = await seriesOf(app, 'image_mcp_rpc_requests_total', /[^0]$/)
    t.assert.deepStrictEqual(counts, ['image_mcp_rpc_requests_total{method="tools/call",outcome="cancelled"} 1'])
    t.assert.deepStrictEqual(await seriesOf(app, 'image_mcp_http_requests_total', /route="\/"/), [
      'image_mcp_http_requests_total{route="/",method="POST",status="499"} 1',
    ])
    const lines = logs.entries.filter(({ route }) => route === '/')
    t.assert.deepStrictEqual(
      lines.map(({ msg }) => msg),
      ['client disconnected before the response'],
    )
  })
}

test('a client that disconnects while its token is verified leaves no reservation and no call', async (t: TestContext) => {
  const issuer = await startIssuer(t)
  const asked = Promise.withResolvers<void>()
  const checked = Promise.withResolvers<void>()
  const keys = createServer(async (_request, response) => {
    asked.resolve()
    await checked.promise
    response.end(await (await fetch(`${issuer.issuer}/keys`)).text())
  })
  await once(keys.listen(0, '127.0.0.1'), 'listening')
  t.after(() => keys.close())
  const { port } = keys.address() as AddressInfo
  const environment = { ...issuer.environment, OAUTH_JWKS_URL: `http://127.0.0.1:${port}/` }
  const { catalog } = createWaitingTool()
  const { app, url, logs } = await listen(t, environment, { extendCatalog: () => catalog })
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${await issuer.token()}` }
  const post = (message: object, signal?: AbortSignal) =>
    fetch(url, { method: 'POST', headers, body: JSON.stringify(message), ...(signal === undefined ? {} : { signal }) })

  const disconnected = new AbortController()
  const left = post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } }, disconnected.signal)
  await asked.promise
  disconnected.abort()
  await t.assert.rejects(left, { name: 'AbortError' })
  await waitFor('the log of the disconnect', () => logs.text.includes('client disconnected before the response'))
  checked.resolve()
  t.assert.equal((await post({ jsonrpc: '2.0', id: 2, method: 'ping' })).status, 200)
  await fetch(`${url}/health`)

  const [capacity] = await seriesOf(app, 'image_mcp_body_bytes_in_flight', /./)
  t.assert.equal(capacity, 'image_mcp_body_bytes_in_flight 0')
  t.assert.equal(app.calls.inFlight.count, 0)
})

async function seriesOf(app: Awaited<ReturnType<typeof listen>>['app'], name: string, which: RegExp) {
  const { body } = await app.inject('/metrics')
  return body.split('\n').filter((line) => line.startsWith(name) && which.test(line))
}
