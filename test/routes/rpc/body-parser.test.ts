import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { listen } from '../../support/app.ts'
import { waitFor } from '../../support/wait-for.ts'

/** Sends a head, then `chunk` as a chunk again and again; resolves with what came back once there is a response. */
async function upload(t: TestContext, url: string, path = '/') {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk)).on('error', () => {})
  await once(socket, 'connect')
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  return {
    socket,
    async send(data: string, times: number) {
      const chunk = `${data.length.toString(16)}\r\n${data}\r\n`
      for (let left = times; left > 0 && !socket.destroyed; left -= 1000) {
        if (!socket.write(chunk.repeat(Math.min(left, 1000)))) await once(socket, 'drain').catch(() => {})
      }
    },
    async response() {
      await waitFor('a response', () => received.includes('}'))
      return received
    },
  }
}

test('a body that comes in very many tiny chunks is rejected, and its connection closed', {
  timeout: 600_000,
}, async (t: TestContext) => {
  const { url } = await listen(t)
  const { socket, send, response } = await upload(t, url)
  const closed = once(socket, 'close')
  void send(' ', 1_001)
  t.assert.match(await response(), /^HTTP\/1\.1 400 .*too many small chunks/s)
  await closed
})

test('a chunked body takes no more memory than its bytes, whatever the number of chunks', {
  timeout: 600_000,
}, async (t: TestContext) => {
  const { url } = await listen(t)
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const memory = () => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = memory()
  const { socket, send } = await upload(t, url)
  await send('x'.repeat(40), 600_000)
  const grown = memory() - before
  socket.destroy()
  t.assert.ok(grown < 64 * 1_048_576, `${Math.round(grown / 1_048_576)} MiB for a body of 24 MB`)
})

test('a body that is not read is not awaited', { timeout: 600_000 }, async (t: TestContext) => {
  const { url } = await listen(t)
  const { response } = await upload(t, url, '/nothing')
  t.assert.match(await response(), /^HTTP\/1\.1 404 /)
})
