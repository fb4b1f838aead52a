import { once } from 'node:events'
import { connect, Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import Type from 'typebox'
import { request } from 'undici'
import type { Tool } from '../../services/calls/types.ts'
import { createConnectionLimits } from '../../services/limits/connection-limits.ts'
import { listen } from '../support/app.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { startService } from '../support/service.ts'
import { waitFor } from '../support/wait-for.ts'

const HALF_A_HEAD = 'POST / HTTP/1.1\r\nHost: localhost\r\nX-Pad: '

/** Opens connections that send half a request, one after another. */
async function openHalf(t: TestContext, url: string, count: number, localAddress = '127.0.0.1'): Promise<Socket[]> {
  const sockets: Socket[] = []
  t.after(() => sockets.forEach((socket) => void socket.destroy()))
  for (let n = 0; n < count; n++) {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress }).on('error', () => {})
    sockets.push(socket)
    await once(socket, 'connect')
    socket.write(HALF_A_HEAD)
  }
  return sockets
}

const isOpen = (socket: Socket) => !socket.destroyed && !socket.readableEnded

/** Waits until so many are closed, and returns the positions of those that are not. */
async function stillOpen(sockets: Socket[], closed: number): Promise<number[]> {
  for (const socket of sockets) socket.resume()
  const open = () => [...sockets.entries()].flatMap(([n, socket]) => (isOpen(socket) ? [n] : []))
  await waitFor(`${closed} closed connections`, () => sockets.length - open().length >= closed)
  return open()
}

async function health(url: string): Promise<number> {
  const { statusCode, body } = await request(`${url}/health`, { reset: true })
  await body.dump()
  return statusCode
}

/** A tool whose result does not fit into the buffers of the system. */
const largeTool: Tool = {
  name: 'large',
  title: 'Large',
  description: 'Returns much.',
  inputSchema: Type.Object({}),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  call: async () => ({ content: [{ type: 'text', text: 'x'.repeat(30_000_000) }] }),
}

describe('connections', () => {
  test('whose client reads a few bytes now and then are closed', async (t: TestContext) => {
    const options = { extendCatalog: () => ({ tools: [largeTool] }), timing: { readerLagMs: 1_000 } }
    const { url, app } = await listen(t, {}, options)
    const client = await connectRaw(t, url)
    client.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"large","arguments":{}}}')
    const reading = setInterval(() => void client.socket.read(1), 100)
    t.after(() => clearInterval(reading))
    await waitFor('a response that was broken off', async () => {
      const { body } = await app.inject('/metrics')
      return /http_requests_total\{route="\/",method="POST",status="499"\} 1/.test(body)
    })
  })

  test('beyond MAX_CONNECTIONS close the oldest one without complete headers', async (t: TestContext) => {
    const { url } = await listen(t, { MAX_CONNECTIONS: '8' })
    const sockets = await openHalf(t, url, 12)
    t.assert.deepEqual(await stillOpen(sockets, 4), [4, 5, 6, 7, 8, 9, 10, 11])
    t.assert.equal(await health(url), 200)
  })

  test('beyond MAX_CONNECTIONS_PER_ADDRESS close one of the same address, and no other', async (t: TestContext) => {
    const { url, app, logs } = await listen(t, { MAX_CONNECTIONS_PER_ADDRESS: '5' })
    const others = await openHalf(t, url, 5, '127.0.0.2')
    const sockets = await openHalf(t, url, 8)
    t.assert.deepEqual(await stillOpen(sockets, 3), [3, 4, 5, 6, 7])
    t.assert.ok(others.every(isOpen))
    t.assert.match(logs.text, /MAX_CONNECTIONS_PER_ADDRESS reached/)
    const { body } = await app.inject('/metrics')
    t.assert.match(body, /limit_rejections_total\{reason="connections"\} 3/)
  })

  test('that run a request are not closed for others', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { MAX_CONNECTIONS_PER_ADDRESS: '2' })
    const release = simulator.hold()
    const call = (prompt: string) =>
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'generate_image', arguments: { prompt } },
      })
    const clients = [await connectRaw(t, url), await connectRaw(t, url)]
    for (const [n, client] of clients.entries()) client.post(call(`kite ${n}`))
    await waitFor('both calls', () => simulator.requests.length === 2)
    const sockets = await openHalf(t, url, 3)
    t.assert.deepEqual(await stillOpen(sockets, 3), [])
    release()
    for (const client of clients) t.assert.match((await client.response()).body, /Image successfully generated/)
  })

  test('that are idle are closed last, those in the middle of their next request before', async (t: TestContext) => {
    const { url } = await listen(t, { MAX_CONNECTIONS_PER_ADDRESS: '3' })
    const ping = async (client: RawClient) => {
      client.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')
      await client.response()
    }
    const clients = [await connectRaw(t, url), await connectRaw(t, url), await connectRaw(t, url)] as const
    for (const client of clients) await ping(client)
    const [first, second, third] = clients
    second.socket.write(HALF_A_HEAD)
    // One round trip later the half request has arrived.
    await ping(third)
    t.assert.equal(await health(url), 200)
    second.socket.resume()
    await waitFor('a closed connection', () => !isOpen(second.socket))
    await ping(first)
    await ping(third)
  })

  test('of a trusted proxy are limited by MAX_CONNECTIONS only', async (t: TestContext) => {
    const { url } = await listen(t, { MAX_CONNECTIONS_PER_ADDRESS: '3', TRUST_PROXY: '127.0.0.1' })
    const sockets = await openHalf(t, url, 10)
    t.assert.equal(await health(url), 200)
    t.assert.ok(sockets.every(isOpen))
  })

  test('of one IPv6 customer are counted together', (t: TestContext) => {
    const closed: (string | undefined)[] = []
    const limits = createConnectionLimits({
      max: 100,
      maxPerAddress: 1,
      isShared: () => false,
      onClosed: (address) => closed.push(address),
    })
    for (const remoteAddress of ['2001:db8::1', '2001:db8:0:0:9::7', '2001:db8:0:1::1', '::ffff:1.2.3.4', '1.2.3.4']) {
      limits.add(Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress }))
    }
    t.assert.deepEqual(closed, ['2001:db8::/64', '1.2.3.4'])
  })

  test('two thousand half-sent requests keep no probe out', async (t: TestContext) => {
    const { url } = await listen(t)
    const port = Number(new URL(url).port)
    const sockets: Socket[] = []
    t.after(() => sockets.forEach((socket) => void socket.destroy()))
    const flood = setInterval(() => {
      for (let n = 0; n < 50 && sockets.length < 2000; n++) {
        const localAddress = `127.0.1.${sockets.length % 4}`
        const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {})
        socket.write(HALF_A_HEAD)
        sockets.push(socket)
      }
    }, 10)
    t.after(() => clearInterval(flood))
    let probes = 0
    while (sockets.length < 2000 || probes < 60) {
      t.assert.equal(await health(url), 200)
      probes++
    }
  })
})
