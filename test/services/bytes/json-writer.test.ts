import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { createEncodedImage, type EncodedImage, encodeImage } from '../../../services/bytes/base64-image.ts'
import { createHeldBytes } from '../../../services/bytes/spooled-buffer.ts'
import { prepareJson, type SplicedJson, spliceJson } from '../../../services/bytes/json-writer.ts'
import { checkProperty } from '../../support/property.ts'

const facts = { mimeType: 'image/png', width: 1, height: 1 } as const
const image = (bytes: Buffer) => encodeImage(bytes, facts)

async function textOf(spliced: SplicedJson): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of spliced.stream()) chunks.push(chunk)
  const text = Buffer.concat(chunks)
  if (text.length !== spliced.byteLength) throw new Error('byteLength is wrong')
  if (spliced.buffers !== undefined && !Buffer.concat(spliced.buffers).equals(text)) throw new Error('buffers differ')
  return text.toString('utf8')
}

async function spilled(bytes: Buffer): Promise<EncodedImage> {
  const writer = createHeldBytes({ maxBytes: 0, spillFolders: [tmpdir()] }).open()
  await writer.write(Buffer.from(bytes.toString('base64')))
  return createEncodedImage(facts, bytes.length, await writer.end())
}

test('puts the base64 where the picture is', async (t: TestContext) => {
  const bytes = Buffer.from('a picture')
  const result = {
    content: [
      { type: 'text', text: 'done' },
      { type: 'image', data: image(bytes), mimeType: 'image/png' },
    ],
  }
  t.assert.strictEqual(
    await textOf(spliceJson({ jsonrpc: '2.0', id: 0, result })),
    '{"jsonrpc":"2.0","id":0,"result":{"content":[{"type":"text","text":"done"},' +
      `{"type":"image","data":"${bytes.toString('base64')}","mimeType":"image/png"}]}}`,
  )
})

test('without pictures it is what JSON.stringify says', async (t: TestContext) => {
  const value = { a: [1, 'ü', null], b: undefined }
  const spliced = spliceJson(value)
  t.assert.strictEqual(await textOf(spliced), JSON.stringify(value))
  t.assert.strictEqual(spliced.buffers?.length, 1)
})

test('takes a picture that is the whole value, comes twice, or is empty', async (t: TestContext) => {
  const one = image(Buffer.from('xyz'))
  t.assert.strictEqual(await textOf(spliceJson(one)), '"eHl6"')
  t.assert.strictEqual(await textOf(spliceJson([one, one, image(Buffer.alloc(0))])), '["eHl6","eHl6",""]')
})

test('frames an event', async (t: TestContext) => {
  const framed = spliceJson([image(Buffer.from('xyz'))], { prefix: 'data: ', suffix: '\n\n' })
  t.assert.strictEqual(await textOf(framed), 'data: ["eHl6"]\n\n')
})

test('hands the picture over in the Buffers in which it is held', (t: TestContext) => {
  const held = image(Buffer.alloc(200_000, 7))
  const { buffers } = spliceJson({ data: held })
  const chunks = [...(held.chunks() as Iterable<Buffer>)]
  t.assert.ok(chunks.length > 3)
  for (const chunk of chunks) t.assert.ok(buffers?.includes(chunk))
})

test('text that equals a placeholder of an earlier answer stays text', async (t: TestContext) => {
  const one = image(Buffer.from('xyz'))
  let seen = ''
  const wrapper = {
    toJSON() {
      seen = one.toJSON()
      return seen
    },
  }
  t.assert.strictEqual(await textOf(spliceJson([wrapper])), '["eHl6"]')
  t.assert.deepStrictEqual(JSON.parse(await textOf(spliceJson([seen, one, seen]))), [seen, 'eHl6', seen])
})

test('a picture that is asked for its place and left out is a mistake, not a broken answer', (t: TestContext) => {
  const one = image(Buffer.from('xyz'))
  t.assert.throws(() => spliceJson([{ toJSON: () => one.toJSON().length }]), { message: /not in the JSON/ })
})

test('puts in what was prepared, without quotes and between pictures', async (t: TestContext) => {
  const list = prepareJson([{ name: 'ü"' }, { name: 'two' }])
  const one = image(Buffer.from('xyz'))
  const text = '[{"name":"\\u00fc\\""},{"name":"two"}]'
  t.assert.strictEqual(await textOf(spliceJson(list)), text)
  t.assert.strictEqual(
    await textOf(spliceJson({ a: list, b: one, c: [list] }, { prefix: '<', suffix: '>' })),
    `<{"a":${text},"b":"eHl6","c":[${text}]}>`,
  )
  t.assert.deepStrictEqual(JSON.parse(spliceJson({ list }).whole ?? ''), { list: [{ name: 'ü"' }, { name: 'two' }] })
})

test('what was prepared is itself to everybody else, and for good', (t: TestContext) => {
  const list = prepareJson([{ name: 'one' }])
  t.assert.deepStrictEqual(list, [{ name: 'one' }])
  t.assert.strictEqual(JSON.stringify({ list }), '{"list":[{"name":"one"}]}')
  t.assert.throws(() => list.push({ name: 'two' }), TypeError)
})

test('outside a splice a picture tells its size, not its bytes', (t: TestContext) => {
  t.assert.strictEqual(JSON.stringify({ data: image(Buffer.from('xyz')) }), '{"data":"(image/png, 3 bytes)"}')
})

test('a value that throws leaves nothing behind', (t: TestContext) => {
  const one = image(Buffer.from('xyz'))
  const thrower = {
    toJSON() {
      throw new Error('no')
    },
  }
  t.assert.throws(() => spliceJson([one, thrower]), { message: 'no' })
  t.assert.strictEqual(one.toJSON(), '(image/png, 3 bytes)')
  t.assert.throws(() => spliceJson(undefined), TypeError)
})

test('reads a spilled picture from its file, and releases it', async (t: TestContext) => {
  const bytes = Buffer.alloc(300_000, 'picture')
  const held = await spilled(bytes)
  const spliced = spliceJson({ data: held })
  t.assert.strictEqual(spliced.buffers, undefined)
  t.assert.deepStrictEqual(JSON.parse(await textOf(spliced)), { data: bytes.toString('base64') })
  await spliced.release()
  await spliced.release()
  t.assert.throws(() => held.chunks(), /released/)
})

test('equals JSON.stringify of the same value with plain strings, for any value', async (t: TestContext) => {
  const pictureAt = fc.uint8Array({ maxLength: 40 }).map((bytes) => image(Buffer.from(bytes)))
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      pictureAt,
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
      return Buffer.concat([...((value as EncodedImage).chunks() as Iterable<Buffer>)]).toString('latin1')
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]))
  }
  await checkProperty(
    t,
    fc.asyncProperty(values, async (value) => {
      t.assert.strictEqual(await textOf(spliceJson(value)), JSON.stringify(plain(value)))
    }),
    { numRuns: 2000 },
  )
})

test('a picture that is shared is given back when the last holder has released it', async (t: TestContext) => {
  const held = createHeldBytes({ maxBytes: 100, spillFolders: [] })
  const writer = held.open()
  writer.write(Buffer.from('eHl6'))
  const one = createEncodedImage(facts, 3, await writer.end())
  const other = one.share()
  const spliced = spliceJson([other])
  await one.release()
  await one.release()
  t.assert.strictEqual(held.used, 4)
  t.assert.throws(() => one.share(), /released/)
  t.assert.strictEqual(await textOf(spliced), '["eHl6"]')
  await other.release()
  t.assert.strictEqual(held.used, 0)
})
