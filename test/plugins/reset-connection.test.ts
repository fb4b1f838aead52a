import { execFileSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { post, startService } from '../support/service.ts'

/** Sends a request and resets the connection, from another process and while this one cannot accept it. */
function callAndReset(url: string, host: string): void {
  const { port } = new URL(url)
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'generate_image', arguments: { prompt: 'a kite' } },
  })
  const head = `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  const script = `
    const socket = require('node:net').connect(${port}, '127.0.0.1', () => {
      socket.write(${JSON.stringify(`${head}\r\n\r\n${body}`)}, () => socket.resetAndDestroy())
    })`
  execFileSync(process.execPath, ['-e', script], { timeout: 10_000 })
}

test('a connection that was reset before it was accepted is closed, and causes no error', async (t: TestContext) => {
  const { url, app, simulator, logs } = await startService(t)
  for (const host of ['localhost', 'elsewhere.example']) {
    callAndReset(url, host)
    const { status } = await post(url, '{"jsonrpc":"2.0","id":1,"method":"ping"}')
    t.assert.equal(status, 200)
  }
  t.assert.equal(app.calls.inFlight.count, 0)
  t.assert.equal(simulator.requests.length, 0)
  t.assert.doesNotMatch(logs.text, /unknown|request failed/)
})
