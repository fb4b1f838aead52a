import { describe, type TestContext, test } from 'node:test'
import { openResponse } from '../../../services/azure/image-response.ts'
import { createBufferSpool } from '../../../services/bytes/spooled-buffer.ts'
import { ServiceError } from '../../../services/errors/errors.ts'
import { pixelPng } from '../../support/fake-azure.ts'

const partial = { type: 'image_generation.partial_image', b64_json: pixelPng, partial_image_index: 0 }
const completed = {
  type: 'image_generation.completed',
  b64_json: pixelPng,
  usage: { input_tokens: 5, output_tokens: 9 },
}
const event = (document: { type: string }, end = '\n') =>
  `event: ${document.type}${end}data: ${JSON.stringify(document)}${end}${end}`

function open() {
  const spool = createBufferSpool({ maxBytes: 1_000_000, spillFolders: [] })
  let partials = 0
  const onPartialImage = () => partials++
  const reading = openResponse(
    { 'content-type': 'text/event-stream; charset=utf-8' },
    { spool, maxBytes: 1_000_000, onPartialImage },
  )
  return { reading, spool, partials: () => partials }
}

async function read(chunks: readonly Buffer[]) {
  const stream = open()
  for (const chunk of chunks) await stream.reading.write(chunk)
  return { ...stream, response: await stream.reading.finish() }
}

describe('event stream', () => {
  for (const [name, end] of [
    ['line feeds', '\n'],
    ['carriage returns too', '\r\n'],
    ['carriage returns alone', '\r'],
  ] as const) {
    test(`reads the image wherever the bytes are cut, with ${name}`, async (t: TestContext) => {
      const text = Buffer.from(
        `: hello${end}${end}${event(partial, end)}${event(completed, end)}data: [DONE]${end}${end}`,
      )
      for (let at = 1; at < text.length; at++) {
        const { response, spool, partials } = await read([text.subarray(0, at), text.subarray(at)])
        t.assert.equal(response.parts.length, 1)
        t.assert.equal(partials(), 1)
        t.assert.deepEqual(response.usage, { textTokensIn: 5, tokensOut: 9 })
        const [part] = response.parts
        if (!('image' in part)) throw new Error('a link')
        t.assert.equal(Buffer.concat([...(part.image.chunks() as Iterable<Buffer>)]).toString(), pixelPng)
        t.assert.equal(spool.used, pixelPng.length)
        await part.image[Symbol.asyncDispose]()
        t.assert.equal(spool.used, 0)
      }
    })
  }

  const failures: readonly [string, string, string][] = [
    ['without a completed image', event(partial), 'IMG_ERR_AZURE_BROKE_OFF'],
    [
      'with a rejection',
      `data: {"type":"error","error":{"code":"moderation_blocked","message":"x"}}\n\n`,
      'IMG_ERR_AZURE_CONTENT',
    ],
    ['with nothing in it', '', 'IMG_ERR_AZURE_BROKE_OFF'],
    ['with its end only', 'data: [DONE]\n\n', 'IMG_ERR_AZURE_BROKE_OFF'],
    [
      'with a flat rejection',
      'data: {"type":"error","code":"content_filter","message":null}\n\n',
      'IMG_ERR_AZURE_CONTENT',
    ],
    ['with a flat failure', 'data: {"type":"error","code":"server_error","param":null}\n\n', 'IMG_ERR_AZURE_BROKE_OFF'],
    [
      'with a failure',
      `${event(partial)}data: {"error":{"code":"server_error","message":"x"}}\n\n`,
      'IMG_ERR_AZURE_BROKE_OFF',
    ],
    ['that stops inside an event', event(completed).slice(0, 90), 'IMG_ERR_AZURE_BAD_RESPONSE'],
  ]
  for (const [what, text, code] of failures) {
    test(`${what} is ${code}, and nothing stays buffered`, async (t: TestContext) => {
      const { reading, spool } = open()
      const result = await Promise.resolve(reading.write(Buffer.from(text)))
        .then(() => reading.finish())
        .catch((error: unknown) => error)
      t.assert.ok(result instanceof ServiceError)
      t.assert.equal(result.code, code)
      await reading.abort()
      t.assert.equal(spool.used, 0)
    })
  }
})

test('a stream that breaks off has an image if that of a completed event is whole', async (t: TestContext) => {
  const whole = event(completed)
  const cases: readonly [string, boolean][] = [
    [event(partial), false],
    [`${event(partial)}${whole}data: {"type":"image_gen`, true],
    [whole.slice(0, -2), true],
    ['data: {"type":"image_edit.completed","url":"https://a.b/c"}\n\ndata: {"us', true],
    [whole.slice(0, -20), true],
    [`event: x\n${whole.split('\n')[1]?.slice(0, -20)}`, true],
    [`data: {"b64_json":"${pixelPng}","type" : "image_edit.completed","usage":{"inp`, true],
    [`data: {"b64_json":"${pixelPng}","type":"image_edit.partial_image","usage":{"inp`, false],
    [`data: {"b64_json":"${pixelPng}","revised_prompt":"\\"type\\":\\"x.completed\\"`, false],
    [`data: {"b64_json":"${pixelPng}","created_at":1`, false],
    [event(partial).slice(0, -20), false],
    [whole.slice(0, 140), false],
  ]
  for (const [text, isThere] of cases) {
    const { reading, spool } = open()
    await reading.write(Buffer.from(text))
    t.assert.equal(await reading.hasImage(), isThere, text)
    await reading.abort()
    t.assert.equal(spool.used, 0)
  }
})

test('an image of a completed event is read in every form that it has in a document', async (t: TestContext) => {
  const type = 'image_generation.completed'
  const url = `data:image/png;base64,${pixelPng}`
  const forms = [
    { type, url },
    { url, partial_image_index: null, type },
    { type, data: [{ image_url: { url } }] },
    [{ type, b64_json: pixelPng }],
    { type: 'response.output_item.done', item: { type: 'image_generation_call', result: pixelPng } },
  ]
  for (const form of forms) {
    const text = Buffer.from(`data: [DONE]\n\ndata: ${JSON.stringify(form)}\n\n`)
    const bytes = Array.from(text, (byte) => Buffer.from([byte]))
    for (const chunks of [[text], bytes]) {
      const { response, reading, spool } = await read(chunks)
      t.assert.deepEqual(
        response.parts.map((part) => 'image' in part),
        [true],
        JSON.stringify(form),
      )
      await reading.abort()
      await Promise.all(response.parts.map((part) => 'image' in part && part.image[Symbol.asyncDispose]()))
      t.assert.equal(spool.used, 0)
    }
  }
})

test('the event line decides the type of a document without one', async (t: TestContext) => {
  const bare = JSON.stringify({ b64_json: pixelPng })
  const { response, partials } = await read([
    Buffer.from(`event: image_edit.partial_image\ndata: ${bare}\n\nevent:image_edit.completed\ndata:${bare}\n\n`),
  ])
  t.assert.deepEqual([response.parts.length, partials()], [1, 1])
  const { reading } = open()
  await reading.write(Buffer.from(`event: image_edit.partial_image\ndata: ${bare}\n\n`))
  await t.assert.rejects(reading.finish(), { code: 'IMG_ERR_AZURE_BROKE_OFF' })
})

test('event streams and documents are distinguished whatever the content type', async (t: TestContext) => {
  const spool = createBufferSpool({ maxBytes: 1_000_000, spillFolders: [] })
  for (const [type, text] of [
    ['application/json', event(completed)],
    ['text/event-stream', JSON.stringify({ data: { b64_json: pixelPng } })],
    ['', `: hello\n\n${event(completed)}`],
    ['application/json', `\ufeff\r\n ${event(completed)}`],
    ['text/event-stream', `\ufeff${event(completed)}`],
    ['text/event-stream', `\ufeff\n {"data":{"b64_json":"${pixelPng}"}}`],
  ] as const) {
    const reading = openResponse({ 'content-type': type }, { spool, maxBytes: 1_000_000, onPartialImage: () => {} })
    for (const byte of Buffer.from(text)) await reading.write(Buffer.from([byte]))
    t.assert.equal((await reading.finish()).parts.length, 1)
    await reading.abort()
    t.assert.equal(spool.used, 0)
  }
})

test('an image in a place where none is expected is released at once', async (t: TestContext) => {
  const { response, spool } = await read([
    Buffer.from(event({ ...completed, more: { b64_json: pixelPng } } as typeof completed)),
  ])
  t.assert.equal(response.parts.length, 1)
  t.assert.equal(spool.used, pixelPng.length)

  const document = openResponse(
    { 'content-type': 'application/json' },
    { spool, maxBytes: 1_000_000, onPartialImage: () => {} },
  )
  await document.write(Buffer.from(JSON.stringify({ data: [{ b64_json: pixelPng }], preview: { b64_json: pixelPng } })))
  t.assert.equal((await document.finish()).parts.length, 1)
  t.assert.equal(spool.used, 2 * pixelPng.length)
})

test('a stream with an image says why others are missing', async (t: TestContext) => {
  const rejected =
    'data: {"type":"error","error":{"code":"moderation_blocked","message":"safety_violations=[violence]"}}\n\n'
  const failed = 'data: {"type":"error","code":"server_error"}\n\n'
  for (const [text, missing] of [
    [event(completed), undefined],
    [event(completed) + rejected, { cause: 'filter', categories: ['violence'] }],
    [failed + event(completed), { cause: 'unreadable' }],
    [`${event(completed)}data: {"type":"image_generation.completed","b64_json":"!"}\n\n`, { cause: 'unreadable' }],
  ] as const) {
    t.assert.deepEqual((await read([Buffer.from(text)])).response.missing, missing, text)
  }
})

test('a document with an image says why others are missing, by the entries without one', async (t: TestContext) => {
  const image = { b64_json: pixelPng }
  const filtered = { violence: { filtered: true, severity: 'high' }, hate: { filtered: false } }
  for (const [document, missing] of [
    [{ data: [image] }, undefined],
    [{ data: [image, {}] }, undefined],
    [{ data: [image, null, { revised_prompt: 'x' }], content_filter_results: null }, undefined],
    // The verdict on an image that was returned says nothing of others.
    [{ data: [{ ...image, content_filter_results: { violence: { detected: true } } }, {}] }, undefined],
    [{ data: [image, { content_filter_results: filtered }] }, { cause: 'filter', categories: ['violence'] }],
    [
      { data: [image], content_filter_results: filtered },
      { cause: 'filter', categories: ['violence'] },
    ],
    [{ data: [image, { error: { code: 'contentFilter' } }] }, { cause: 'filter', categories: [] }],
    [{ data: [image, { finish_reason: 'content_filter' }] }, { cause: 'filter', categories: [] }],
    [{ data: [image, { b64_json: 'not base64!' }] }, { cause: 'unreadable' }],
  ] as const) {
    const spool = createBufferSpool({ maxBytes: 1_000_000, spillFolders: [] })
    const reading = openResponse(
      { 'content-type': 'application/json' },
      { spool, maxBytes: 1_000_000, onPartialImage: () => {} },
    )
    await reading.write(Buffer.from(JSON.stringify(document)))
    t.assert.deepEqual((await reading.finish()).missing, missing, JSON.stringify(document).slice(0, 300))
  }
})
