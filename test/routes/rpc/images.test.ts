import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import Type from 'typebox'
import { Base64Image } from '../../../services/bytes/base64-image.ts'
import type { Catalog } from '../../../services/mcp/catalog.ts'
import { listen } from '../../support/app.ts'
import { openCall } from '../../support/event-stream.ts'
import { echo } from '../../support/fixture-catalog.ts'

const CHUNK = Buffer.alloc(65_536, 'QUJD')

/** An image of `chunks` chunks that notes how much of it was read and whether it was disposed. */
function createImage(chunks: number) {
  const released = Promise.withResolvers<void>()
  const state = { read: 0 }
  const image = new Base64Image({ mimeType: 'image/png', width: 1, height: 1 }, (chunks * CHUNK.length * 3) / 4, {
    async *chunks() {
      for (let at = 0; at < chunks; at++) {
        state.read++
        yield CHUNK
      }
    },
    [Symbol.asyncDispose]: async () => released.resolve(),
  })
  return { image, state, released: released.promise }
}

const catalogOf = (image: Base64Image): Catalog => ({
  tools: [
    {
      ...echo,
      name: 'image',
      inputSchema: Type.Object({}),
      call: async () => ({
        content: [
          { type: 'text', text: 'done' },
          { type: 'image', data: image, mimeType: image.mimeType },
        ],
      }),
    },
  ],
})

/** Without stored results, which would read the images again, it is visible who reads. */
const discard = { ABANDONED_RESULT_TTL_MS: '0' }

const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'image' } }

test('sends an image as part of the JSON, with its length, and releases it', async (t: TestContext) => {
  const { image, released } = createImage(3)
  const { url } = await listen(t, {}, { extendCatalog: () => catalogOf(image) })
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(call),
  })
  const text = await response.text()
  t.assert.strictEqual(response.headers.get('content-length'), String(text.length))
  t.assert.strictEqual(JSON.parse(text).result.content[1].data, CHUNK.toString().repeat(3))
  await released
})

test('sends an image as the last event of a stream, and releases it', async (t: TestContext) => {
  const { image, released } = createImage(3)
  const { url } = await listen(t, {}, { extendCatalog: () => catalogOf(image) })
  const events = await (await openCall(url, { ...call, params: { name: 'image', _meta: { progressToken: 1 } } })).rest()
  t.assert.partialDeepStrictEqual(events.at(-1), {
    message: { result: { content: [{ text: 'done' }, { data: CHUNK.toString().repeat(3) }] } },
  })
  await released
})

for (const accept of ['application/json', 'text/event-stream']) {
  test(`a caller that stops reading ${accept} stops the sending, and is let go`, async (t: TestContext) => {
    const chunks = 4000
    const { image, state, released } = createImage(chunks)
    const { url } = await listen(t, discard, { extendCatalog: () => catalogOf(image), timing: { readerLagMs: 300 } })
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    const body = JSON.stringify(call)
    socket.write(
      `POST / HTTP/1.1\r\nhost: localhost\r\naccept: ${accept}\r\ncontent-type: application/json\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    )
    await once(socket, 'readable')
    await released
    t.assert.ok(state.read < chunks, 'no more was read from the image than the caller took')
    socket.destroy()
  })
}

test('releases an image if the client has disconnected', async (t: TestContext) => {
  const { image, released, state } = createImage(3)
  const started = Promise.withResolvers<AbortSignal>()
  const proceed = Promise.withResolvers<void>()
  const [tool] = catalogOf(image).tools
  if (tool === undefined) throw new Error('the catalog has one tool')
  const slow: Catalog = {
    tools: [
      {
        ...tool,
        call: async (args, context) => {
          started.resolve(context.signal)
          await proceed.promise
          return tool.call(args, context)
        },
      },
    ],
  }
  const { url } = await listen(t, discard, { extendCatalog: () => slow })
  const disconnected = new AbortController()
  const asked = fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(call),
    signal: disconnected.signal,
  })
  const signal = await started.promise
  disconnected.abort()
  await t.assert.rejects(asked)
  if (!signal.aborted) await once(signal, 'abort')
  proceed.resolve()
  await released
  t.assert.strictEqual(state.read, 0)
})
