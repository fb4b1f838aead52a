import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { listen } from '../../support/app.ts'

test('a body that is too large is rejected in words also for those who read only when all is sent, as proxies do', async (t: TestContext) => {
  const { url } = await listen(t, { MAX_BODY_BYTES: '1048576' })
  const body = Buffer.alloc(24 * 1_048_576, ' ')
  const socket = connect(Number(new URL(url).port), '127.0.0.1').pause()
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(
    `POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  for (let at = 0; at < body.length; at += 65_536) {
    if (!socket.write(body.subarray(at, at + 65_536))) await once(socket, 'drain')
    await nextTurn()
  }
  socket.resume()
  const [response] = await once(socket, 'data')
  t.assert.match(String(response), /^HTTP\/1\.1 413 /)
  t.assert.match(String(response), /larger than 1048576 bytes/)
})
