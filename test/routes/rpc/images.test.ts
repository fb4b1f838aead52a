import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import Type from 'typebox'
import { createEncodedImage, type EncodedImage } from '../../../services/bytes/base64-image.ts'
import type { Catalog } from '../../../services/mcp/catalog.ts'
import { openCall } from '../../support/event-stream.ts'
import { echo } from '../../support/fixture-catalog.ts'
import { listen } from '../../support/app.ts'

const CHUNK = Buffer.alloc(65_536, 'QUJD')

/** A picture of `chunks` pieces that notes how much of it was read and whether it was given back. */
function createPicture(chunks: number) {
  const released = Promise.withResolvers<void>()
  const state = { read: 0 }
  const image = createEncodedImage({ mimeType: 'image/png', width: 1, height: 1 }, (chunks * CHUNK.length * 3) / 4, {
    async *chunks() {
      for (let at = 0; at < chunks; at++) {
        state.read++
        yield CHUNK
      }
    },
    release: async () => released.resolve(),
  })
  return { image, state, released: released.promise }
}

const catalogOf = (image: EncodedImage): Catalog => ({
  tools: [
    {
      ...echo,
      name: 'picture',
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

/** What is not received is read once more, to be kept; here it shall be seen who reads. */
const keepNothing = { UNDELIVERED_TTL_MS: '0' }

const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'picture' } }

test('sends a picture as part of the JSON, with its length, and gives it back', async (t: TestContext) => {
  const { image, released } = createPicture(3)
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

test('sends a picture as the last event of a stream, and gives it back', async (t: TestContext) => {
  const { image, released } = createPicture(3)
  const { url } = await listen(t, {}, { extendCatalog: () => catalogOf(image) })
  const events = await (
    await openCall(url, { ...call, params: { name: 'picture', _meta: { progressToken: 1 } } })
  ).rest()
  t.assert.partialDeepStrictEqual(events.at(-1), {
    message: { result: { content: [{ text: 'done' }, { data: CHUNK.toString().repeat(3) }] } },
  })
  await released
})

for (const accept of ['application/json', 'text/event-stream']) {
  test(`a caller that stops reading ${accept} stops the sending, and is let go`, async (t: TestContext) => {
    const pieces = 4000
    const { image, state, released } = createPicture(pieces)
    const { url } = await listen(t, keepNothing, { extendCatalog: () => catalogOf(image), timing: { stallMs: 300 } })
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    const body = JSON.stringify(call)
    socket.write(
      `POST / HTTP/1.1\r\nhost: localhost\r\naccept: ${accept}\r\ncontent-type: application/json\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    )
    await once(socket, 'readable')
    await released
    t.assert.ok(state.read < pieces, 'no more was read from the picture than the caller took')
    socket.destroy()
  })
}

test('gives a picture back when the caller has left in the meantime', async (t: TestContext) => {
  const { image, released, state } = createPicture(3)
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
  const { url } = await listen(t, keepNothing, { extendCatalog: () => slow })
  const leaving = new AbortController()
  const asked = fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(call),
    signal: leaving.signal,
  })
  const signal = await started.promise
  leaving.abort()
  await t.assert.rejects(asked)
  if (!signal.aborted) await once(signal, 'abort')
  proceed.resolve()
  await released
  t.assert.strictEqual(state.read, 0)
})
