import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { connectRaw } from '../support/raw-client.ts'
import { type Service, startService } from '../support/service.ts'
import { waitFor } from '../support/wait-for.ts'

const json = { accept: 'application/json' }
const stream = { accept: 'text/event-stream' }
const both = { accept: 'application/json, text/event-stream' }

const callOf = (prompt: string) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'generate_image', arguments: { prompt }, _meta: { progressToken: 1 } },
  })

/** Forwards bytes and ends in both directions, as Docker's proxy does, and notices a client that is gone when it writes. */
async function startRelay(t: TestContext, target: string): Promise<string> {
  const relay = createServer({ allowHalfOpen: true }, (client) => {
    const service = connect({ port: Number(new URL(target).port), host: '127.0.0.1', allowHalfOpen: true })
    client.on('data', (chunk) => service.write(chunk)).on('end', () => service.end())
    service.on('data', (chunk) => client.write(chunk)).on('end', () => client.end())
    client.on('error', () => service.resetAndDestroy())
    service.on('error', () => client.destroy())
  }).listen(0, '127.0.0.1')
  t.after(() => relay.close())
  await once(relay, 'listening')
  return `http://127.0.0.1:${(relay.address() as { port: number }).port}`
}

describe('a client that ends its side of the connection after the request', () => {
  for (const [name, headers] of Object.entries({ JSON: json, 'an event stream': stream, either: both })) {
    for (const latencyMs of [0, 20, 200, 1_200]) {
      test(`gets its response (${name}, Azure takes ${latencyMs} ms)`, async (t: TestContext) => {
        const { url } = await startService(t, {}, { latencyMs })
        const client = await connectRaw(t, url)
        client.post(callOf('a kite'), headers)
        client.socket.end()
        const { head, body } = await client.response()
        t.assert.match(head, /^HTTP\/1\.1 200 OK\r\n/)
        t.assert.match(body, /Image successfully generated\..*"type":"image"/)
      })
    }
  }

  test('gets it also over HTTP/1.0, for errors, for probes, and if it ends later', async (t: TestContext) => {
    const { url } = await startService(t, {}, { latencyMs: 600 })
    const old = await connectRaw(t, url)
    old.post(callOf('a kite over HTTP/1.0'), json, '1.0')
    old.socket.end()
    t.assert.match((await old.response()).head, /^HTTP\/1\.1 200 OK\r\n/)

    const wrong = await connectRaw(t, url)
    wrong.post('{"jsonrpc":', json)
    wrong.socket.end()
    t.assert.match((await wrong.response()).body, /-32700/)

    const probe = await connectRaw(t, url)
    probe.socket.end('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
    t.assert.match((await probe.response()).body, /^OK$/)

    const later = await connectRaw(t, url)
    later.post(callOf('a kite later'), json)
    setTimeout(() => later.socket.end(), 250)
    t.assert.match((await later.response()).head, /^HTTP\/1\.1 200 OK\r\n/)
  })

  test('gets all responses to pipelined requests', async (t: TestContext) => {
    const { url } = await startService(t, {}, { latencyMs: 300 })
    const client = await connectRaw(t, url)
    client.post(callOf('the first'), json)
    client.post(callOf('the second'), json)
    client.socket.end()
    for (let n = 0; n < 2; n++) t.assert.match((await client.response()).head, /^HTTP\/1\.1 200 OK\r\n/)
  })

  for (const headers of [json, { ...json, 'x-forwarded-for': '192.0.2.1' }, { ...json, connection: 'close' }]) {
    test(`proves no delivery, so an identical call on a newer connection pays nothing: ${JSON.stringify(headers)}`, async (t: TestContext) => {
      const { url, simulator } = await startService(t)
      for (const note of [/^((?!paid again).)*$/s, /nothing was paid again for it/]) {
        const client = await connectRaw(t, url)
        client.post(callOf('a kite'), headers)
        client.socket.end()
        t.assert.match((await client.response()).body, note)
      }
      t.assert.equal(simulator.requests.length, 1)
    })
  }
})

test('what cannot be parsed after a request breaks off its open event stream, and writes no other response into it', async (t: TestContext) => {
  const { url, simulator, app } = await startService(t)
  const release = simulator.hold()
  const client = await connectRaw(t, url)
  client.post(callOf('a kite'), stream)
  await waitFor('the request', () => simulator.requests.length === 1)
  await client.read(20)
  let received = ''
  client.socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
  client.socket.write('garbage\r\n\r\n')
  await once(client.socket, 'close')
  release()
  t.assert.doesNotMatch(received, /HTTP\/1\.1 400/)
  await waitFor('the end of the call', () => app.calls.inFlight.count === 0)
  const again = await connectRaw(t, url)
  again.post(callOf('a kite'), json)
  t.assert.match((await again.response()).body, /whose response you did not receive/)
  t.assert.equal(simulator.requests.length, 1)
})

describe('a client that is gone', () => {
  /** The one allowed request is taken, so that the next call waits. */
  async function startBusy(t: TestContext): Promise<Service> {
    const service = await startService(t, { AZURE_REQUESTS_PER_MINUTE: '1', LOG_LEVEL: 'debug' })
    const first = await connectRaw(t, service.url)
    first.post(callOf('the first'), json)
    await first.response()
    await first.end()
    return service
  }
  const running = ({ app }: Service, count: number) =>
    waitFor(`${count} running calls`, () => app.calls.inFlight.count === count)

  for (const [name, headers] of Object.entries({ JSON: json, 'an event stream': stream, either: both })) {
    for (const isRelayed of [false, true]) {
      test(`pays nothing for a call that waits (${name}${isRelayed ? ', behind a relay' : ''})`, async (t: TestContext) => {
        const service = await startBusy(t)
        const client = await connectRaw(t, isRelayed ? await startRelay(t, service.url) : service.url)
        client.post(callOf('the second'), headers)
        await running(service, 1)
        client.socket.destroy()
        await running(service, 0)
        t.assert.equal(service.simulator.requests.length, 1)
      })
    }
  }

  test('counts as abandoned while Azure works, and its retry joins the call', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    for (const headers of [json, stream]) {
      const before = simulator.requests.length
      const release = simulator.hold()
      const client = await connectRaw(t, url)
      client.post(callOf(headers.accept), headers)
      await waitFor('the request', () => simulator.requests.length === before + 1)
      client.socket.destroy()
      const again = await connectRaw(t, url)
      await fetch(`${url}/health`)
      release()
      again.post(callOf(headers.accept), json)
      t.assert.match((await again.response()).body, /whose response you did not receive/)
      await again.end()
      t.assert.equal(simulator.requests.length, before + 1)
    }
  })
})
