import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type BuiltApp, listen } from '../support/app.ts'
import * as images from '../support/images/images.ts'
import { callTool } from '../support/service.ts'
import { waitFor } from '../support/wait-for.ts'

/** An Azure that rejects before reading, and reads afterwards, as a gateway may. */
async function startEagerAzure(t: TestContext) {
  const connections: { socket: Socket; received: Buffer[] }[] = []
  const body = '{"error":{"code":"BadRequest","message":"no"}}'
  const rejection = `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  const server = createServer((socket) => {
    socket.on('error', () => {}).pause()
    connections.push({ socket, received: [] })
    setTimeout(() => socket.write(rejection), 100)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    for (const { socket } of connections) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return { url: `http://127.0.0.1:${address.port}`, connections }
}

const hasRequests = async (app: BuiltApp['app'], count: number) =>
  (await app.inject('/metrics')).body.includes(`\nimage_mcp_azure_requests_in_flight ${count}\n`)

/** An image padded to `size` bytes with `letter`. */
const imageOf = (start: Buffer, letter: string, size: number) =>
  Buffer.concat([start, Buffer.alloc(size, letter)]).toString('base64')

test("a request that Azure rejects before reading it never continues with another caller's image", async (t: TestContext) => {
  const azure = await startEagerAzure(t)
  const { app, url } = await listen(t, {
    AZURE_BASE_URL: azure.url,
    AZURE_DEPLOYMENT_NAME: 'gpt-image-1',
    AZURE_STREAM: 'never',
  })
  const start = await images.png()
  // The kernel's buffer size differs, so the end of the form is moved around it.
  for (let size = 4_095_000; size < 4_175_000; size += 10_000) {
    const reference = imageOf(start, 'B', 60_000)
    const connection = azure.connections.length
    await callTool(url, 'edit_image', {
      prompt: 'one',
      image_data_base64: imageOf(start, 'A', size),
      reference_images_base64: [reference],
    })
    callTool(url, 'edit_image', { prompt: 'two', image_data_base64: imageOf(start, 'C', 60_000) }).catch(() => {})
    // On the same connection it gets no response, on another one soon.
    const isSent = async () => azure.connections.length > connection + 1 || (await hasRequests(app, 1))
    await waitFor('the second request to Azure', isSent)
    const first = azure.connections[connection]
    t.assert.ok(first !== undefined)
    first.socket.on('data', (chunk: Buffer) => first.received.push(chunk)).resume()
    await Promise.race([once(first.socket, 'close'), pause(150)])
    const received = Buffer.concat(first.received)
    const next = received.indexOf('POST /', 10)
    const own = next === -1 ? received : received.subarray(0, next)
    t.assert.equal(own.indexOf('C'.repeat(50)), -1, `${size}: bytes of the next caller`)
    for (const { socket } of azure.connections) socket.destroy()
    await waitFor('the end of requests to Azure', () => hasRequests(app, 0))
    if (next === -1) continue
    const announced = Number(/content-length: (\d+)/i.exec(own.toString('latin1', 0, 2_000))?.[1])
    t.assert.equal(own.length - own.indexOf('\r\n\r\n') - 4, announced, `${size}: a body of another length`)
  }
})
