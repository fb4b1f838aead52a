import { once } from 'node:events'
import { createServer as createHttpServer, request as httpRequest } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import OpenAI, { APIError } from 'openai'
import type { Environment } from '../../services/config/environment.ts'
import { listen } from '../support/app.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { waitFor } from '../support/wait-for.ts'

/** The official client of OpenAI at the second door: it repeats requests by itself, and no image is paid for twice. */

const gptImage = { AZURE_DEPLOYMENT_NAME: 'gpt-image-1', AZURE_MODEL: 'gpt-image-1' }
const prompt = 'a lighthouse'

async function openDoor(t: TestContext, environment: Environment = {}, latencyMs = 0) {
  const { simulator, url: azure } = await startSimulator(t, { latencyMs })
  const { url } = await listen(t, { AZURE_BASE_URL: azure, AZURE_API_KEY: key, ...gptImage, ...environment })
  return { simulator, url, client: clientOf(url) }
}

const clientOf = (url: string, apiKey = 'none') => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 2 })

/** What a call of the client fails with. */
async function failureOf(work: Promise<unknown>): Promise<APIError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof APIError) return error
  throw new Error('the call did not fail', { cause: error })
}

/** A proxy that cuts the connection of its first client off when `isOver` says so, as one with a reset or a time-out does. */
async function cutFirst(t: TestContext, url: string, isOver: (received: number) => boolean, last?: string) {
  let connections = 0
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const isFirst = ++connections === 1
    const server = connect(Number(new URL(url).port), '127.0.0.1')
    for (const socket of [client, server]) sockets.add(socket.on('error', () => {}))
    client.pipe(server)
    client.on('close', () => server.destroy())
    let received = 0
    const cut = () => {
      server.destroy()
      if (last === undefined) client.resetAndDestroy()
      else client.end(last)
    }
    const timer = isFirst ? setInterval(() => isOver(received) && cut(), 10) : undefined
    server.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (isFirst && isOver(received)) cut()
      else client.write(chunk)
    })
    server.on('close', () => {
      clearInterval(timer)
      client.end()
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return { url: `http://127.0.0.1:${address.port}`, connections: () => connections }
}

test('generates images with all that the client asks for', async (t: TestContext) => {
  const { client, simulator } = await openDoor(t)
  const {
    data = [],
    usage,
    ...facts
  } = await client.images.generate({
    model: 'gpt-image-1',
    prompt,
    n: 2,
    size: '1536x1024',
    quality: 'low',
    output_format: 'jpeg',
    output_compression: 80,
    background: 'opaque',
    moderation: 'auto',
    user: 'u1',
  })
  t.assert.strictEqual(data.length, 2)
  for (const image of data) t.assert.match(image.b64_json ?? '', /^\/9j/)
  t.assert.partialDeepStrictEqual(facts, {
    size: '1536x1024',
    quality: 'low',
    output_format: 'jpeg',
    background: 'opaque',
  })
  t.assert.ok(usage !== undefined && usage.total_tokens === usage.input_tokens + usage.output_tokens)
  t.assert.strictEqual(simulator.requests.length, 1)
})

test('a stream ends with the image', async (t: TestContext) => {
  const { client, simulator } = await openDoor(t)
  const events = []
  for await (const event of await client.images.generate({ prompt, stream: true, size: '1024x1024' }))
    events.push(event)
  t.assert.partialDeepStrictEqual(events.at(-1), { type: 'image_generation.completed', size: '1024x1024' })
  t.assert.match(events.at(-1)?.b64_json ?? '', /^iVBOR/)
  t.assert.strictEqual(simulator.requests.length, 1)
})

test('lists the models, and describes each', async (t: TestContext) => {
  const { client } = await openDoor(t)
  const names = []
  for await (const { id } of client.models.list()) names.push(id)
  t.assert.deepStrictEqual(names, ['gpt-image-1'])
  t.assert.strictEqual((await client.models.retrieve('gpt-image-1')).object, 'model')
  t.assert.strictEqual((await failureOf(client.models.retrieve('dall-e-9'))).status, 404)
})

test('errors have the class, the parameter and the code that the client expects', async (t: TestContext) => {
  const { client, simulator } = await openDoor(t)
  const rejected = [
    [{ prompt, model: 'dall-e-9' }, 404, 'model', 'model_not_found'],
    [{ prompt: '' }, 400, 'prompt', 'invalid_value'],
    [{ prompt, n: 11 }, 400, 'n', 'invalid_value'],
    [{ prompt, output_format: 'webp' }, 400, 'output_format', 'unsupported_parameter'],
    [{ prompt, partial_images: 2 }, 400, 'partial_images', 'unsupported_parameter'],
    [{ prompt, moderation: 'low' }, 400, 'moderation', 'unsupported_parameter'],
  ] as const
  for (const [body, status, param, code] of rejected) {
    const { error: _, ...failure } = await failureOf(client.images.generate(body))
    t.assert.partialDeepStrictEqual(failure, { status, param, code }, JSON.stringify(body))
  }
  t.assert.strictEqual(simulator.requests.length, 0)
})

test('a wrong key is an authentication error', async (t: TestContext) => {
  const { url, simulator } = await openDoor(t, { MCP_API_KEYS: `ann:${'k'.repeat(40)}` })
  const failure = await failureOf(clientOf(url, 'x'.repeat(40)).images.generate({ prompt }))
  t.assert.partialDeepStrictEqual({ ...failure }, { status: 401, code: 'invalid_api_key' })
  t.assert.ok(failure instanceof OpenAI.AuthenticationError)
  const { data = [] } = await clientOf(url, 'k'.repeat(40)).images.generate({ prompt })
  t.assert.strictEqual(data.length, 1)
  t.assert.strictEqual(simulator.requests.length, 1)
})

/** What Azure does, and with which status and code the client fails; Azure is asked once. */
const failures = [
  ['content-filter', 400, 'moderation_blocked'],
  ['gateway-timeout-html', 424, 'azure_timeout'],
  ['bad-gateway-html', 424, 'azure_unclear'],
  ['half-body', 424, 'azure_lost'],
  ['reset', 424, 'azure_lost'],
] as const

for (const [fault, status, code] of failures) {
  test(`after ${fault} behind the service the client does not repeat its request`, async (t: TestContext) => {
    const { client, simulator } = await openDoor(t)
    simulator.faults.next(3, fault)
    const failure = await failureOf(client.images.generate({ prompt }))
    t.assert.partialDeepStrictEqual({ ...failure }, { status, code })
    t.assert.strictEqual(simulator.requests.length, 1)
  })
}

const ways: readonly [string, (facts: { isAtAzure: boolean; received: number }) => boolean, string | undefined][] = [
  ['a reset while the client waits', ({ isAtAzure }) => isAtAzure, undefined],
  ['a cut within the response', ({ received }) => received > 20_000, undefined],
  [
    'a 504 of a proxy between',
    ({ isAtAzure }) => isAtAzure,
    'HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
  ],
]

for (const [name, isOver, last] of ways) {
  test(`${name}: the client repeats its request, and Azure is asked once`, async (t: TestContext) => {
    const { url, simulator } = await openDoor(t, {}, 400)
    const over = (received: number) => isOver({ isAtAzure: simulator.requests.length > 0, received })
    const proxy = await cutFirst(t, url, over, last)
    const { data = [] } = await clientOf(proxy.url).images.generate({ prompt, size: '1024x1024' })
    t.assert.match(data[0]?.b64_json ?? '', /^iVBOR/)
    t.assert.ok(proxy.connections() > 1, 'the client repeated its request')
    t.assert.strictEqual(simulator.requests.length, 1)
  })
}

test('a client that loses patience and repeats its request gets the image of the first one', async (t: TestContext) => {
  const { url, simulator } = await openDoor(t, {}, 2500)
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', timeout: 2000, maxRetries: 8 })
  const { data = [] } = await client.images.generate({ prompt })
  t.assert.strictEqual(data.length, 1)
  t.assert.strictEqual(simulator.requests.length, 1)
})

/** A proxy that reads every response whole; of the first ones it resets its client instead of sending them. */
async function losingProxy(t: TestContext, url: string, lost: number) {
  const received: unknown[] = []
  const proxy = createHttpServer((incoming, outgoing) => {
    const { method, headers } = incoming
    const forwarded = { ...headers, 'x-forwarded-for': '192.0.2.7' }
    const upstream = httpRequest(new URL(incoming.url ?? '/', url), { method, headers: forwarded, agent: false })
    upstream.on('response', async (response) => {
      const body = Buffer.concat(await response.toArray())
      // Longer than the service watches for a reset.
      await pause(1500)
      received.push(response.statusCode)
      if (received.length > lost) outgoing.writeHead(response.statusCode ?? 502, response.headers).end(body)
      else outgoing.socket?.resetAndDestroy()
    })
    incoming.pipe(upstream)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return { url: `http://127.0.0.1:${address.port}`, received }
}

test('a response that a proxy took and its client lost is not paid for again', async (t: TestContext) => {
  const { url, simulator } = await openDoor(t)
  const proxy = await losingProxy(t, url, 2)
  const { data = [] } = await clientOf(proxy.url).images.generate({ prompt, size: '1024x1024' })
  t.assert.match(data[0]?.b64_json ?? '', /^iVBOR/)
  t.assert.deepStrictEqual(proxy.received, [200, 200, 200])
  t.assert.strictEqual(simulator.requests.length, 1)
})

test('identical requests through a proxy are independent', async (t: TestContext) => {
  const { url, simulator } = await openDoor(t)
  const proxy = await losingProxy(t, url, 0)
  const client = clientOf(proxy.url)
  await client.images.generate({ prompt })
  await client.images.generate({ prompt })
  t.assert.strictEqual(simulator.requests.length, 2)
})

test('a retry after a limit is a request of its own, not the image of an identical one before', async (t: TestContext) => {
  const { url, simulator } = await openDoor(t, { MAX_CONCURRENT_CALLS: '1' }, 1500)
  const proxy = await losingProxy(t, url, 0)
  const client = clientOf(proxy.url)
  await Promise.all([client.images.generate({ prompt }), client.images.generate({ prompt })])
  t.assert.ok(proxy.received.some((status) => status === 429 || status === 503))
  t.assert.strictEqual(simulator.requests.length, 2)
})

test('an idempotency key holds at both doors', async (t: TestContext) => {
  const { client, url, simulator } = await openDoor(t, { MCP_API_KEYS: `ann:${'k'.repeat(40)}` })
  t.assert.ok(client)
  const headers = { 'Idempotency-Key': 'key-1', authorization: `Bearer ${'k'.repeat(40)}` }
  const params = { name: 'generate_image', arguments: { prompt, idempotency_key: 'key-1' } }
  await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  }).then((response) => response.text())
  const keyed = clientOf(url, 'k'.repeat(40))
  const { data = [] } = await keyed.images.generate({ prompt }, { headers })
  t.assert.strictEqual(data.length, 1)
  t.assert.strictEqual((await failureOf(keyed.images.generate({ prompt: 'another' }, { headers }))).status, 422)
  await waitFor('one request', () => simulator.requests.length === 1)
})
