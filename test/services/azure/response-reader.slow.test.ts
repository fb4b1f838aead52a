import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Response, ResponseReader, type ResponseReaderOptions } from '../../../services/azure/response-reader.ts'
import { Base64Image } from '../../../services/bytes/base64-image.ts'
import { writeJson } from '../../../services/bytes/json/writer.ts'
import { createBufferSpool } from '../../../services/bytes/spooled-buffer.ts'
import * as fixtures from '../../support/images/images.ts'
import { checkProperty } from '../../support/property.ts'

const spool = createBufferSpool({ maxBytes: 1_000_000, spillFolders: [tmpdir()] })
const options = { spool, maxBytes: 1_000_000 }
// Their base64 is full of slashes and plus signs.
const small = fixtures.pngOf({ width: 3, height: 2, data: Buffer.alloc(31, '\xfb\xff', 'latin1') })
const other = fixtures.pngOf({ width: 7, height: 5, data: Buffer.alloc(100, 0xff) })

async function* cut(json: string, places: readonly number[]) {
  const bytes = Buffer.from(json)
  let from = 0
  for (const place of [...places.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    yield bytes.subarray(from, place)
    from = place
  }
}

/** Reads a whole response; nothing stays buffered if it fails. */
async function readResponse(source: AsyncIterable<Buffer>, options: ResponseReaderOptions): Promise<Response> {
  const reader = new ResponseReader(options)
  try {
    for await (const chunk of source) await reader.write(chunk)
    const response = await reader.end()
    if (response.images.length === 0 && response.problem !== undefined) throw response.problem
    return response
  } catch (error) {
    await reader[Symbol.asyncDispose]()
    throw error
  }
}

async function collect(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<Buffer[]> {
  const collected: Buffer[] = []
  for await (const chunk of chunks) collected.push(chunk)
  return collected
}

/** The document as `JSON.parse` returns it, which proves the text and the place of every image. */
async function readBack(json: string, places: readonly number[] = []): Promise<unknown> {
  const response = await readResponse(cut(json, places), options)
  const spliced = writeJson(response.document)
  const text = Buffer.concat(await collect(spliced.chunks()))
  for (const image of response.images) await image[Symbol.asyncDispose]()
  return JSON.parse(text.toString('utf8'))
}

const base64 = small.toString('base64')
const otherBase64 = other.toString('base64')
const responses = {
  plain: `{"created":1,"data":[{"b64_json":"${base64}"}],"usage":{"total_tokens":5}}`,
  spaced: `\n{ "data" :\t[ {"b64_json" \r\n : "${base64}" , "revised_prompt" : "a \\"cat\\" \\\\" } ] }\n`,
  'several, image last': `{"data":[{"x":null,"b64_json":"${base64}"},{"b64_json":"${otherBase64}"}]}`,
  'escaped slashes': `{"data":[{"b64_json":"${base64.replaceAll('/', '\\/')}"}]}`,
  'escaped signs': `{"data":[{"b64_json":"${base64.replaceAll('+', '\\u002b').replaceAll('=', '\\u003D').replaceAll('/', '\\u002F')}"}]}`,
  'escaped key': `{"data":[{"b64\\u005fjson":"${base64}"}]}`,
  'not an image of ours': `{"data":[{"b64_json":null},{"b64_json":7},{"b64_json":{"b64_json":"${base64}"}},{"b64_json":["b64_json"]}]}`,
  'words in other places': `["b64_json",{"a":"b64_json","b64_json2":"x","b":"\\"b64_json\\":\\"","c":"b64_json\\\\"}]`,
  'equal keys': `{"b64_json":"${base64}","b64_json":"${otherBase64}","b64_json":""}`,
  'a stream event': `{"type":"image_generation.completed","b64_json":"${base64}","size":"3x2"}`,
  'other scripts': `{"提示":"日落 😀","data":[{"b64_json":"${base64}"}]}`,
  empty: '{"b64_json":""}',
}
for (const [name, json] of Object.entries(responses)) {
  test(`reads what JSON.parse reads, cut at every byte: ${name}`, async (t: TestContext) => {
    const expected = JSON.parse(json)
    const length = Buffer.byteLength(json)
    for (let place = 0; place <= length; place++) t.assert.deepStrictEqual(await readBack(json, [place]), expected)
    const everywhere = Array.from({ length }, (_, at) => at)
    t.assert.deepStrictEqual(await readBack(json, everywhere), expected)
    t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
  })
}

test('reads any JSON around images as JSON.parse does, cut anywhere', async (t: TestContext) => {
  const key = fc.oneof(fc.constantFrom('b64_json', 'data', 'b64_json\\', '"b64_json"'), fc.string({ unit: 'binary' }))
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.json({ maxDepth: 2 }).map((text) => JSON.parse(text)),
      tie('list'),
      tie('record'),
    ),
    list: fc.array(tie('value'), { maxLength: 4 }),
    record: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  })).value
  const styles = [
    ['/', '/'],
    ['/', '\\/'],
    ['+', '\\u002b'],
  ] as const
  const escaped = (json: string, [sign, escaping]: (typeof styles)[number]) =>
    [base64, otherBase64].reduce((text, image) => text.replaceAll(image, image.replaceAll(sign, escaping)), json)
  const withImages = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(withImages)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(
      Object.entries(value).map(([name, entry]) => [
        name,
        name === 'b64_json' && typeof entry === 'string'
          ? entry.length % 2
            ? base64
            : otherBase64
          : withImages(entry),
      ]),
    )
  }
  await checkProperty(
    t,
    fc.asyncProperty(
      tree,
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.constantFrom(...styles),
      fc.constantFrom(undefined, 1, '\t'),
      async (value, places, style, indent) => {
        const json = escaped(JSON.stringify(withImages(value), undefined, indent), style)
        t.assert.deepStrictEqual(await readBack(json, places), JSON.parse(json))
      },
    ),
    { numRuns: 1500 },
  )
  t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
})

test('reads the header of each image, and does not need the chunks afterwards', async (t: TestContext) => {
  const json = Buffer.from(`{"data":[{"b64_json":"${base64}"}]}`)
  const reader = new ResponseReader(options)
  await reader.write(json)
  json.fill('x')
  const {
    images: [image],
  } = await reader.end()
  t.assert.ok(image instanceof Base64Image)
  t.assert.deepStrictEqual(
    [image.mimeType, image.width, image.height, image.bytes, image.encodedBytes],
    ['image/png', 3, 2, small.length, base64.length],
  )
  const chunks = await collect(image.chunks())
  t.assert.ok(Buffer.concat(chunks).equals(Buffer.from(base64)))
  await image[Symbol.asyncDispose]()
})

test('reads the size of a JPEG after long metadata', async (t: TestContext) => {
  const bytes = await fixtures
    .drawing()
    .jpeg()
    .withExif({ IFD0: { ImageDescription: 'x'.repeat(60_000) } })
    .toBuffer()
  const { images } = await readResponse(cut(`{"b64_json":"${bytes.toString('base64')}"}`, [100, 2000]), options)
  const [image] = images as [Base64Image]
  t.assert.deepStrictEqual([image.mimeType, image.width, image.height], ['image/jpeg', 40, 30])
  await image[Symbol.asyncDispose]()
})

const written: Readonly<Record<string, string>> = {
  'raw line breaks': JSON.stringify({ b64_json: base64 }).replaceAll('A', 'A\n'),
  'escaped line breaks': JSON.stringify({ b64_json: base64.replace(/.{7}/g, '$&\r\n') }),
  'blanks around it': JSON.stringify({ b64_json: ` \t${base64}\n ` }),
  'the alphabet for URLs, without padding': JSON.stringify({ b64_json: small.toString('base64url') }),
  'no padding': JSON.stringify({ b64_json: base64.replace(/=+$/, '') }),
  'a data URL': JSON.stringify({ b64_json: `DATA:image/x-png;base64,${base64}` }),
  'a data URL as link': JSON.stringify({ data: [{ url: `data:image/png;base64,${base64}` }] }),
  'a data URL in an escaped link': `{"image_url":"data:image\\/png;base64,${base64.replaceAll('/', '\\/')}"}`,
  'a data URL in a nested link': JSON.stringify({ image_url: { url: `data:image/png;base64,${base64}` } }),
  'base64 as result': JSON.stringify({ output: [{ type: 'image_generation_call', result: base64 }] }),
  'a list of texts': JSON.stringify({ images: [base64] }),
}
for (const [name, json] of Object.entries(written)) {
  test(`an image is buffered as canonical base64, cut at every byte: ${name}`, async (t: TestContext) => {
    for (let place = 0; place <= json.length; place++) {
      const { images } = await readResponse(cut(json, [place, place + 1]), options)
      const chunks = await Promise.all(images.map((image) => collect(image.chunks())))
      t.assert.deepStrictEqual(
        chunks.map((parts) => Buffer.concat(parts).toString()),
        [base64],
      )
      for (const image of images) await image[Symbol.asyncDispose]()
    }
    t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
  })
}

test('text that only may be an image stays as it is', async (t: TestContext) => {
  for (const text of ['', 'd', 'data', 'iVBO', 'https://a.b/c', '/9a', 'x'.repeat(40), '\\"data:"']) {
    const json = JSON.stringify({ url: text, list: [text], result: text, prompt: `data:${text}`, [text]: 1 })
    for (let place = 0; place <= json.length; place++) {
      t.assert.deepStrictEqual(await readBack(json, [place]), JSON.parse(json))
    }
  }
})

test('disposes images under a key that a later image replaced', async (t: TestContext) => {
  const json = `{"b64_json":"${base64}","b64_json":"${otherBase64}"}`
  const { images } = await readResponse(cut(json, []), options)
  t.assert.deepStrictEqual([images.length, spool.used], [1, otherBase64.length])
  await images[0]?.[Symbol.asyncDispose]()
})

test('waits in a file when memory is short', async (t: TestContext) => {
  const tight = createBufferSpool({ maxBytes: 10, spillFolders: [tmpdir()] })
  const { images } = await readResponse(cut(responses.plain, [40, 60, 80]), { ...options, spool: tight })
  const [image] = images as [Base64Image]
  t.assert.deepStrictEqual([tight.used, tight.spilled], [0, 1])
  t.assert.strictEqual(Buffer.concat(await collect(image.chunks())).toString(), base64)
  await image[Symbol.asyncDispose]()
  t.assert.strictEqual(tight.spilled, 0)
})

const broken: [name: string, json: string, problem: string][] = [
  ['nothing', '', 'it is not JSON'],
  ['HTML', '<html>"b64_json": "x"</html>', 'an image in it is not base64'],
  ['a stop in the middle of an image', '{"data":[{"b64_json":"iVBO', 'it stops inside an image'],
  ['a wrong character', `{"b64_json":"${base64.replace('A', '*')}"}`, 'an image in it is not base64'],
  ['a blank', `{"b64_json":"${base64.replace('A', ' ')}"}`, 'an image in it is not base64'],
  ['a quote inside', '{"b64_json":"AAAA\\"AAA"}', 'an image in it is not base64'],
  ['an unknown escape', '{"b64_json":"AAAA\\qAAA"}', 'an image in it is not base64'],
  ['text that stops inside a byte', '{"b64_json":"iVBORw0KG"}', 'an image in it is not base64'],
  ['something that is no image', '{"b64_json":"aGVsbG8="}', 'an image in it is of no known format'],
  ['a flood of other fields', `{"a":"${'x'.repeat(3000)}"}`, 'it contains more than 2000 bytes beside images'],
  ['deep nesting', '['.repeat(1999), 'it is not JSON'],
]
for (const [name, json, problem] of broken) {
  test(`rejects ${name}, and buffers nothing of it`, async (t: TestContext) => {
    for (const places of [[], [13], [14, 15, 16, 17, 18, 19, 20]]) {
      const reading = readResponse(cut(json, places), { spool, maxBytes: 20_000, maxOtherBytes: 2000 })
      await t.assert.rejects(reading, {
        code: 'IMG_ERR_AZURE_BAD_RESPONSE',
        detail: { problem },
      })
      t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
    }
  })
}

test('returns the images beside what is not an image, too much or too long', async (t: TestContext) => {
  const image = `{"b64_json":"${base64}"}`
  const beside: [name: string, json: string, stored: number][] = [
    ['more images than are kept', `[${Array(40).fill(image)}]`, 16],
    ['text that is not base64', `[{"b64_json":"AAAA\\"AA*"},${image},{"b64_json":"=="}]`, 1],
    ['bytes of no known format', `[{"b64_json":"aGVsbG8="},${image}]`, 1],
    ['long texts', `{"a":"${'\\u65e5'.repeat(400)}","b":${image},"c":1}`, 1],
    ['a flood of long texts', `[${Array(5).fill(`"${'x'.repeat(900)}\\""`)},${image}]`, 1],
    ['a data URL', `{"b64_json":"data:image/png;base64,${base64}"}`, 1],
    ['what only begins like one', `[{"b64_json":"dat"},{"b64_json":"data:${'x'.repeat(300)}"},${image}]`, 1],
    ['deep nesting', `[${'['.repeat(900)}${']'.repeat(900)},${image}]`, 1],
    ['another name', `{"image_base64":"${base64}"}`, 1],
    ['a stop behind the image', responses.plain.slice(0, -30), 1],
    ['a stop inside the next image', `[${image},{"b64_json":"iVBO`, 1],
    ['what is not JSON', `[${image},NaN,]`, 1],
    ['what follows', `${image}\u0000x`, 1],
    ['another document', `{"created":1}\n${image}`, 1],
    ['an equal key without an image', `{"data":${image},"data":null}`, 1],
    ['a flood of numbers after it', `[${image}${',1'.repeat(2000)}]`, 1],
    ['a flood of numbers before it', `[${'1,'.repeat(2000)}${image}]`, 1],
  ]
  for (const [name, json, stored] of beside) {
    for (let at = 1; at < json.length; at += 97) {
      const { images } = await readResponse(cut(json, [at]), { spool, maxBytes: 20_000, maxOtherBytes: 2000 })
      t.assert.equal(images.length, stored, name)
      const [first] = images as [Base64Image]
      t.assert.equal(Buffer.concat(await collect(first.chunks())).toString(), base64)
      for (const each of images) await each[Symbol.asyncDispose]()
      t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
    }
  }
})

test('reads an image beside JSON nested deeper than the stack', async (t: TestContext) => {
  const json = `{"x":${'['.repeat(200_000)}${']'.repeat(200_000)},"data":[{"b64_json":"${base64}"}]}`
  const { images } = await readResponse(cut(json, []), { spool, maxBytes: 1_000_000 })
  t.assert.equal(images.length, 1)
  for (const image of images) await image[Symbol.asyncDispose]()
})

test('rejects a response as soon as it exceeds the limit', async (t: TestContext) => {
  const reader = new ResponseReader({ spool, maxBytes: 20_000 })
  await reader.write(Buffer.from(`{"b64_json":"${'A'.repeat(19_000)}`))
  t.assert.throws(() => reader.write(Buffer.alloc(2000, 'A')), { code: 'IMG_ERR_AZURE_RESPONSE_TOO_LARGE' })
  await reader[Symbol.asyncDispose]()
  t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
})
