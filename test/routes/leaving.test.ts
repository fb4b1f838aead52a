import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { createWaitingTool } from '../fixture-catalog.ts'
import { listen } from '../helper.ts'

for (const accept of ['application/json', 'application/json, text/event-stream']) {
  test(`a caller that leaves its call is logged and counted once (${accept})`, async (t: TestContext) => {
    const { catalog, started, finish } = createWaitingTool()
    const { app, url, logs } = await listen(t, {}, { extendCatalog: () => catalog })
    const leaving = new AbortController()
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } }
    const headers = { 'content-type': 'application/json', accept }
    const left = fetch(url, { method: 'POST', signal: leaving.signal, headers, body: JSON.stringify(call) })
    const { signal } = await started
    leaving.abort()
    await t.assert.rejects(left, { name: 'AbortError' })
    if (!signal.aborted) await once(signal, 'abort')
    finish()
    // A round over the network is longer than what the end of the call leaves to be done.
    await fetch(`${url}/health`)

    const counts = await seriesOf(app, 'image_mcp_rpc_requests_total', /./)
    t.assert.deepStrictEqual(counts, ['image_mcp_rpc_requests_total{method="tools/call",outcome="cancelled"} 1'])
    t.assert.deepStrictEqual(await seriesOf(app, 'image_mcp_http_requests_total', /route="\/"/), [
      'image_mcp_http_requests_total{route="/",method="POST",status="499"} 1',
    ])
    const lines = logs.entries.filter(({ route }) => route === '/')
    t.assert.deepStrictEqual(
      lines.map(({ msg }) => msg),
      ['caller left before the answer'],
    )
  })
}

async function seriesOf(app: Awaited<ReturnType<typeof listen>>['app'], name: string, which: RegExp) {
  const { body } = await app.inject('/metrics')
  return body.split('\n').filter((line) => line.startsWith(name) && which.test(line))
}
