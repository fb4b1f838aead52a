import { type TestContext, test } from 'node:test'
import { createBufferPool } from '../../../services/bytes/buffer-pool.ts'
import { parseMessage } from '../../../services/mcp/message-parser.ts'

const pool = createBufferPool()
const parse = (text: string) => parseMessage(Buffer.from(text), pool).value

test('removes raw line breaks from wrapped base64', (t: TestContext) => {
  t.assert.deepStrictEqual(parse('{"data":"aGVs\nbG8h\r\nIQ=="}'), { data: 'aGVsbG8hIQ==' })
})

test('leaves escaped line breaks alone', (t: TestContext) => {
  t.assert.deepStrictEqual(parse('{"a":"x\\ny",\n"b":1}'), { a: 'x\ny', b: 1 })
})

test('lets the last of duplicate keys win', (t: TestContext) => {
  t.assert.deepStrictEqual(parse('{"id":1,"id":2}'), { id: 2 })
})

test('ignores a byte order mark', (t: TestContext) => {
  t.assert.deepStrictEqual(parse('\uFEFF{"id":1}'), { id: 1 })
})

for (const [what, text] of [
  ['an empty body', ''],
  ['a word', 'hello'],
  ['a broken object', '{"a":'],
  ['an open string', '{"a":"b'],
  ['a broken object with line breaks', '{\n"a":\n'],
] as const) {
  test(`rejects ${what} with -32700`, (t: TestContext) => {
    t.assert.throws(() => parse(text), { code: -32700 })
  })
}

for (const [what, text] of [
  ['__proto__', '{"params":{"__proto__":{"polluted":1}}}'],
  ['an escaped __proto__', '{"a":[{"\\u005f_proto__":1}]}'],
  ['constructor.prototype', '{"constructor":{"prototype":{"polluted":1}}}'],
  ['65 levels', `${'['.repeat(65)}${']'.repeat(65)}`],
  ['a million empty arrays', `[${'[],'.repeat(1_000_000)}[]]`],
] as const) {
  test(`rejects ${what} with -32600`, (t: TestContext) => {
    t.assert.throws(() => parse(text), { code: -32600 })
  })
}

test('reads brackets and quotes inside a string as text', (t: TestContext) => {
  const prompt = `${'[{"'.repeat(1000)}\\`
  t.assert.deepStrictEqual(parse(JSON.stringify({ prompt })), { prompt })
})

test('allows a key that only looks like a prototype', (t: TestContext) => {
  t.assert.deepStrictEqual(parse('{"constructor":"x","proto":1}'), { constructor: 'x', proto: 1 })
})

/** After a backslash, a line break makes the quote behind it the end of a string for a reader that leaves the line break in. */
const openString = '"image":"x\\\n","'

test('checks the structure again once line breaks are removed', (t: TestContext) => {
  t.assert.throws(() => parse(`{${openString},"a":[0${',{}'.repeat(300_000)}]}`), { code: -32600 })
  t.assert.throws(() => parse(`{${openString},"a":${'['.repeat(100_000)}`), { code: -32600 })
})

test('reads a long base64 text as text where line breaks made it look like a string', (t: TestContext) => {
  const base64 = 'abcd'.repeat(40_000)
  const call = (image: string) => `{"method":"tools/call","params":{"arguments":{"image":${image}}}}`
  t.assert.deepStrictEqual(parse(call(`"x\\\n" \\\n"${base64}"`)), JSON.parse(call(`"x\\" \\"${base64}"`)))
})

test('does not repair texts of hundreds of thousands of empty lines, which take long', (t: TestContext) => {
  const body = Buffer.from(`{"prompt":"${'\n'.repeat(200_000)}"}`)
  t.assert.throws(() => parseMessage(body, pool), { code: -32700 })
})

test('keeps a raw line break inside a text, and one behind a backslash', (t: TestContext) => {
  t.assert.deepStrictEqual(parse('{\n"prompt":"a kite\nover\r\nthe \\\nsea\\\\\n\\"x\\"",\n"image":"aGVs\nbG8h"}'), {
    prompt: 'a kite\nover\r\nthe \nsea\\\n"x"',
    image: 'aGVsbG8h',
  })
})

test('removes line breaks from every text in a list of images, and from none after it', (t: TestContext) => {
  t.assert.deepStrictEqual(parse('{"reference_images_base64":["aG\nVs","bG\r\n8h"],"prompt":"a\nb"}'), {
    reference_images_base64: ['aGVs', 'bG8h'],
    prompt: 'a\nb',
  })
})

const utf16le = Buffer.from('{"id":1}', 'utf16le')
for (const [what, bytes, sentence] of [
  [
    'GBK',
    Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xb7, 0xe7, 0x22, 0x7d]),
    /not UTF-8\. On Windows.*UTF8\.GetBytes/,
  ],
  ['Latin-1', Buffer.from('{"prompt":"Möwe"}', 'latin1'), /not UTF-8\./],
  ['a lone byte in base64', Buffer.from('{"image_data_base64":"aGVs\xff"}', 'latin1'), /not UTF-8\./],
  ['UTF-16 with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16le]), /UTF-16/],
  ['UTF-16 without a mark', utf16le, /UTF-16/],
  ['UTF-16 of the other order', Buffer.from(utf16le).swap16(), /UTF-16/],
  ['UTF-32', Buffer.from([...'{"id":1}'].flatMap((char) => [char.charCodeAt(0), 0, 0, 0])), /UTF-32/],
  [
    'UTF-32 of the other order',
    Buffer.from([...'{"id":1}'].flatMap((char) => [0, 0, 0, char.charCodeAt(0)])),
    /UTF-32/,
  ],
  ['a surrogate written as UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), /not UTF-8\./],
] as const) {
  test(`rejects ${what} with -32700`, (t: TestContext) => {
    t.assert.throws(() => parseMessage(bytes, pool), { code: -32700, message: sentence })
  })
}
