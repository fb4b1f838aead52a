import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { type Service, startService } from '../support/service.ts'
import { storedResults } from '../support/stored-results.ts'
import { waitFor } from '../support/wait-for.ts'

const abandonedNote = /whose response you did not receive/
const unprovenNote = /nothing shows that you received its response/
const json = { accept: 'application/json' }
const stream = { accept: 'text/event-stream' }

const callOf = (args: object, id: number | string = 1) =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'generate_image', arguments: args } })

const start = (t: TestContext, environment: Record<string, string> = {}) =>
  startService(t, { LOG_LEVEL: 'debug', ...environment }, { latencyMs: 30 })

/** The same call by another client, which reads everything and ends cleanly. */
async function callAgain(t: TestContext, { url }: Service, args: object, headers: Record<string, string> = json) {
  const client = await connectRaw(t, url)
  client.post(callOf(args), headers)
  const { body } = await client.response()
  await client.end()
  return body
}

/** Waits until the whole response was written to the kernel. */
async function sent({ logs }: Service): Promise<void> {
  await waitFor('the end of the response', () => logs.text.includes('"msg":"request completed"'))
}

async function proofs({ app }: Service): Promise<string[]> {
  const { body } = await app.inject('/metrics')
  return [...body.matchAll(/^image_mcp_responses_delivered_total\{proof="(\w+)"\} (\d+)/gm)].map(
    ([, proof, count]) => `${proof} ${count}`,
  )
}

const args = { prompt: 'a kite over the sea' }

describe('a response that was not read to its end is stored for the identical call', () => {
  for (const [name, headers] of [
    ['JSON', json],
    ['an event stream', stream],
    ['JSON, connection: close', { ...json, connection: 'close' }],
  ] as const) {
    for (const share of [0, 0.2, 0.9]) {
      test(`${name}: reset after ${share * 100} %`, async (t: TestContext) => {
        const service = await start(t)
        const client = await connectRaw(t, service.url)
        client.post(callOf(args), headers)
        await sent(service)
        const { sentBytes } = await whole(service)
        if (share > 0) await client.read(Math.floor(sentBytes * share))
        client.reset()
        t.assert.match(await callAgain(t, service, args), abandonedNote)
        t.assert.equal(service.simulator.requests.length, 1)
      })
    }
  }

  test('end before the last byte, and reset when the rest arrives', async (t: TestContext) => {
    const service = await start(t)
    const client = await connectRaw(t, service.url)
    client.post(callOf(args), json)
    await sent(service)
    // The client ends while bytes are unread, so that closing resets the connection.
    client.socket.end()
    await pause(50)
    client.reset()
    t.assert.match(await callAgain(t, service, args), abandonedNote)
    t.assert.equal(service.simulator.requests.length, 1)
  })

  test('and is delivered once, even if the client aborts attempts in between', async (t: TestContext) => {
    const service = await start(t)
    for (let n = 0; n < 4; n++) {
      const client = await connectRaw(t, service.url)
      client.post(callOf(args), n % 2 === 0 ? json : stream)
      await client.read(200)
      client.reset()
      // The service notices a reset a moment later.
      await waitFor('an abandoned result', () => service.app.calls.waiting > 0)
    }
    t.assert.match(await callAgain(t, service, args), abandonedNote)
    t.assert.doesNotMatch(await callAgain(t, service, args), abandonedNote)
    t.assert.equal(service.simulator.requests.length, 2)
  })
})

describe('a response whose client proves its receipt is delivered, and an identical call is independent', () => {
  const clients: Record<string, (client: RawClient) => Promise<unknown>> = {
    'it ends the connection in order': (client) => client.end(),
    'it sends its next request on the connection': async (client) => {
      client.post('{"jsonrpc":"2.0","id":9,"method":"ping"}')
      await client.response()
    },
  }
  for (const [name, act] of Object.entries(clients)) {
    for (const headers of [json, stream, { ...json, connection: 'close' }]) {
      if (headers.accept === json.accept && 'connection' in headers && name.includes('next request')) continue
      test(`${name} (${JSON.stringify(headers)})`, async (t: TestContext) => {
        const service = await start(t)
        const client = await connectRaw(t, service.url)
        client.post(callOf(args), headers)
        await client.response()
        await act(client)
        t.assert.doesNotMatch(await callAgain(t, service, args), /nothing was paid again/)
        t.assert.equal(service.simulator.requests.length, 2)
        t.assert.equal((await proofs(service)).length > 0, true)
      })
    }
  }

  test('an immediate retry waits until delivery is certain', async (t: TestContext) => {
    const service = await start(t)
    for (let n = 1; n <= 3; n++) {
      t.assert.doesNotMatch(await callAgain(t, service, args), /nothing was paid again/)
      t.assert.equal(service.simulator.requests.length, n)
    }
  })

  test('a proxy that read the whole response proves delivery', async (t: TestContext) => {
    const service = await start(t)
    const client = await connectRaw(t, service.url)
    client.post(callOf(args), { ...json, 'x-forwarded-for': '192.0.2.7' })
    await client.response()
    t.assert.doesNotMatch(await callAgain(t, service, args), /nothing was paid again/)
    t.assert.equal(service.simulator.requests.length, 2)
    t.assert.deepEqual((await proofs(service)).includes('proxy 1'), true)
  })

  test('also if the service closes that connection shortly after', async (t: TestContext) => {
    const service = await start(t)
    const client = await connectRaw(t, service.url)
    client.post(callOf(args), { ...json, 'x-forwarded-for': '192.0.2.7' })
    await client.response()
    await sent(service)
    service.app.server.closeAllConnections()
    t.assert.doesNotMatch(await callAgain(t, service, args), /nothing was paid again/)
    t.assert.deepEqual((await proofs(service)).includes('proxy 1'), true)
  })

  test('a proxy that resets the connection does not prove delivery', async (t: TestContext) => {
    const service = await start(t)
    const client = await connectRaw(t, service.url)
    client.post(callOf(args), { ...json, via: '1.1 gateway' })
    await sent(service)
    client.reset()
    t.assert.match(await callAgain(t, service, args), abandonedNote)
  })
})

describe('a response without proof of delivery', () => {
  test('is returned once to an identical call on a newer connection, with a note on how to get a new image', async (t: TestContext) => {
    const service = await start(t)
    const silent = await connectRaw(t, service.url)
    silent.post(callOf(args), json)
    await silent.response()
    await sent(service)
    const body = await callAgain(t, service, args)
    t.assert.match(body, unprovenNote)
    t.assert.match(body, /For another image, send the call again/)
    t.assert.doesNotMatch(await callAgain(t, service, args), unprovenNote)
    t.assert.equal(service.simulator.requests.length, 2)
  })

  test('is not returned on a connection that was open before', async (t: TestContext) => {
    const service = await start(t)
    const older = await connectRaw(t, service.url)
    const silent = await connectRaw(t, service.url)
    silent.post(callOf(args), json)
    await silent.response()
    await sent(service)
    older.post(callOf(args), json)
    t.assert.doesNotMatch((await older.response()).body, unprovenNote)
    t.assert.equal(service.simulator.requests.length, 2)
  })

  test('survives a shutdown', async (t: TestContext) => {
    const service = await start(t)
    const silent = await connectRaw(t, service.url)
    silent.post(callOf(args), json)
    await silent.response()
    await service.app.close()
    t.assert.equal((await storedResults(service.images)).length, 1)
  })
})

describe('notifications/cancelled over HTTP', () => {
  const cancel = async (t: TestContext, { url }: Service, requestId: unknown, headers: Record<string, string> = {}) => {
    const client = await connectRaw(t, url)
    client.post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }), headers)
    t.assert.match((await client.response()).head, /^HTTP\/1.1 202/)
    await client.end()
  }

  for (const headers of [json, stream]) {
    test(`does not stop the call, and an identical call joins it (${headers.accept})`, async (t: TestContext) => {
      const service = await startService(t)
      const release = service.simulator.hold()
      const first = await connectRaw(t, service.url)
      first.post(callOf(args, 'seven'), headers)
      await waitFor('a request to Azure', () => service.simulator.requests.length > 0)
      await cancel(t, service, 'seven')
      release()
      t.assert.match(await callAgain(t, service, args, headers), abandonedNote)
      const { body } = await first.response()
      t.assert.match(body, /Image successfully generated/)
      t.assert.doesNotMatch(body, abandonedNote)
      t.assert.equal(service.simulator.requests.length, 1)
    })
  }

  test('for three attempts with unread streams pays once', async (t: TestContext) => {
    const service = await startService(t)
    const release = service.simulator.hold()
    for (let id = 1; id <= 3; id++) {
      const client = await connectRaw(t, service.url)
      client.post(callOf(args, id), stream)
      await waitFor('the call', () => service.app.calls.inFlight.count > 0)
      await pause(50)
      await cancel(t, service, id)
    }
    release()
    t.assert.match(await callAgain(t, service, args), abandonedNote)
    t.assert.equal(service.simulator.requests.length, 1)
  })

  test('also counts after the response was sent and before delivery was proven', async (t: TestContext) => {
    const service = await start(t)
    const first = await connectRaw(t, service.url)
    first.post(callOf(args, 3), stream)
    await sent(service)
    await cancel(t, service, 3)
    t.assert.match(await callAgain(t, service, args), abandonedNote)
  })

  test('does not affect another caller, another id, or an id of another type', async (t: TestContext) => {
    const service = await startService(t, { MCP_API_KEYS: 'ann:key-of-ann,bob:key-of-bob' })
    const release = service.simulator.hold()
    const first = await connectRaw(t, service.url)
    first.post(callOf(args, 1), { ...stream, 'x-api-key': 'key-of-ann' })
    await waitFor('a request to Azure', () => service.simulator.requests.length > 0)
    await cancel(t, service, 1, { 'x-api-key': 'key-of-bob' })
    await cancel(t, service, 2, { 'x-api-key': 'key-of-ann' })
    await cancel(t, service, '1', { 'x-api-key': 'key-of-ann' })
    t.assert.equal(service.app.calls.waiting, 0)
    release()
    await first.response()
  })
})

/** The length of the response. */
async function whole({ app }: Service): Promise<{ sentBytes: number }> {
  const { body } = await app.inject('/metrics')
  return { sentBytes: Number(/^image_mcp_sent_bytes_total (\d+)/m.exec(body)?.[1]) }
}
