import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Base64Image, encodeImage } from '../../../../services/bytes/base64-image.ts'
import { type JsonBody, PreparedJson, writeJson } from '../../../../services/bytes/json/writer.ts'
import { createBufferSpool } from '../../../../services/bytes/spooled-buffer.ts'
import { checkProperty } from '../../../support/property.ts'

const facts = { mimeType: 'image/png', width: 1, height: 1 } as const
const image = (bytes: Buffer) => encodeImage(bytes, facts)

async function textOf(spliced: JsonBody): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of spliced.stream()) chunks.push(chunk)
  const text = Buffer.concat(chunks)
  if (text.length !== spliced.byteLength) throw new Error('byteLength is wrong')
  if (!Buffer.concat(await chunksOf(spliced)).equals(text)) throw new Error('chunks and stream differ')
  if (spliced.whole !== undefined && !Buffer.from(spliced.whole).equals(text))
    throw new Error('whole and stream differ')
  return text.toString('utf8')
}

async function chunksOf(body: JsonBody): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of body.chunks()) chunks.push(chunk)
  return chunks
}

async function spilled(bytes: Buffer): Promise<Base64Image> {
  const writer = createBufferSpool({ maxBytes: 0, spillFolders: [tmpdir()] }).open()
  await writer.write(Buffer.from(bytes.toString('base64')))
  return new Base64Image(facts, bytes.length, await writer.end())
}

test('writes the base64 in place of the image', async (t: TestContext) => {
  const bytes = Buffer.from('an image')
  const result = {
    content: [
      { type: 'text', text: 'done' },
      { type: 'image', data: image(bytes), mimeType: 'image/png' },
    ],
  }
  t.assert.strictEqual(
    await textOf(writeJson({ jsonrpc: '2.0', id: 0, result })),
    '{"jsonrpc":"2.0","id":0,"result":{"content":[{"type":"text","text":"done"},' +
      `{"type":"image","data":"${bytes.toString('base64')}","mimeType":"image/png"}]}}`,
  )
})

test('writes what JSON.stringify does where there is no image', async (t: TestContext) => {
  const value = { a: [1, 'ü', null], b: undefined }
  const spliced = writeJson(value)
  t.assert.strictEqual(await textOf(spliced), JSON.stringify(value))
  t.assert.strictEqual(spliced.whole, JSON.stringify(value))
})

test('writes an image that is the whole value, occurs twice, or is empty', async (t: TestContext) => {
  const one = image(Buffer.from('xyz'))
  t.assert.strictEqual(await textOf(writeJson(one)), '"eHl6"')
  t.assert.strictEqual(await textOf(writeJson([one, one, image(Buffer.alloc(0))])), '["eHl6","eHl6",""]')
})

test('frames an event', async (t: TestContext) => {
  const framed = writeJson([image(Buffer.from('xyz'))], { prefix: 'data: ', suffix: '\n\n' })
  t.assert.strictEqual(await textOf(framed), 'data: ["eHl6"]\n\n')
})

test('returns the very Buffers in which the image is buffered', async (t: TestContext) => {
  const buffered = image(Buffer.alloc(400_000, 7))
  const written = await chunksOf(writeJson({ data: buffered }))
  const chunks = [...(buffered.chunks() as Iterable<Buffer>)]
  t.assert.ok(chunks.length > 3)
  for (const chunk of chunks) t.assert.ok(written.includes(chunk))
})

test('writes an image that a toJSON returns, and its note as text', async (t: TestContext) => {
  const one = image(Buffer.from('xyz'))
  const wrapper = { toJSON: () => one }
  const note = one.toJSON()
  t.assert.deepStrictEqual(JSON.parse(await textOf(writeJson([wrapper, note, one, note]))), [
    'eHl6',
    note,
    'eHl6',
    note,
  ])
})

test('inserts what was prepared, without quotes and between images', async (t: TestContext) => {
  const list = new PreparedJson([{ name: 'ü"' }, { name: 'two' }])
  const one = image(Buffer.from('xyz'))
  const text = '[{"name":"ü\\""},{"name":"two"}]'
  t.assert.strictEqual(await textOf(writeJson(list)), text)
  t.assert.strictEqual(
    await textOf(writeJson({ a: list, b: one, c: [list] }, { prefix: '<', suffix: '>' })),
    `<{"a":${text},"b":"eHl6","c":[${text}]}>`,
  )
  t.assert.deepStrictEqual(JSON.parse(String(writeJson({ list }).whole)), { list: [{ name: 'ü"' }, { name: 'two' }] })
})

test('plain JSON.stringify writes the value of what was prepared, which is frozen', (t: TestContext) => {
  const list = new PreparedJson([{ name: 'one' }])
  t.assert.deepStrictEqual(list.value, [{ name: 'one' }])
  t.assert.strictEqual(JSON.stringify({ list }), '{"list":[{"name":"one"}]}')
  t.assert.throws(() => list.value.push({ name: 'two' }), TypeError)
})

test('plain JSON.stringify writes the size of an image, not its bytes', (t: TestContext) => {
  t.assert.strictEqual(JSON.stringify({ data: image(Buffer.from('xyz')) }), '{"data":"(image/png, 3 bytes)"}')
})

test('a value that throws does not affect later calls', (t: TestContext) => {
  const one = image(Buffer.from('xyz'))
  const thrower = {
    toJSON() {
      throw new Error('no')
    },
  }
  t.assert.throws(() => writeJson([one, thrower]), { message: 'no' })
  t.assert.strictEqual(one.toJSON(), '(image/png, 3 bytes)')
  t.assert.throws(() => writeJson(undefined), TypeError)
})

test('reads a spilled image from its file', async (t: TestContext) => {
  const bytes = Buffer.alloc(300_000, 'image')
  const buffered = await spilled(bytes)
  const spliced = writeJson({ data: buffered })
  t.assert.deepStrictEqual(JSON.parse(await textOf(spliced)), { data: bytes.toString('base64') })
  await buffered[Symbol.asyncDispose]()
  t.assert.throws(() => buffered.chunks(), /disposed/)
})

test('agrees with JSON.stringify of the same value with plain strings', async (t: TestContext) => {
  const imageAt = fc.uint8Array({ maxLength: 40 }).map((bytes) => image(Buffer.from(bytes)))
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      imageAt,
      fc.json().map((text) => JSON.parse(text)),
      tie('list'),
      tie('record'),
    ),
    list: fc.array(tie('value'), { maxLength: 4 }),
    record: fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 4 }),
  })).value
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain)
    if (value === null || typeof value !== 'object') return value
    if ('chunks' in value)
      return Buffer.concat([...((value as Base64Image).chunks() as Iterable<Buffer>)]).toString('latin1')
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]))
  }
  await checkProperty(
    t,
    fc.asyncProperty(values, async (value) => {
      t.assert.strictEqual(await textOf(writeJson(value)), JSON.stringify(plain(value)))
    }),
    { numRuns: 2000 },
  )
})

test('an image with two owners is freed when both have disposed it', async (t: TestContext) => {
  const spool = createBufferSpool({ maxBytes: 100, spillFolders: [] })
  const writer = spool.open()
  writer.write(Buffer.from('eHl6'))
  const one = new Base64Image(facts, 3, await writer.end())
  const other = one.clone()
  const spliced = writeJson([other])
  await one[Symbol.asyncDispose]()
  await one[Symbol.asyncDispose]()
  t.assert.strictEqual(spool.used, 4)
  t.assert.throws(() => one.clone(), /disposed/)
  t.assert.strictEqual(await textOf(spliced), '["eHl6"]')
  await other[Symbol.asyncDispose]()
  t.assert.strictEqual(spool.used, 0)
})
