import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { createBufferPool } from '../../../../services/bytes/buffer-pool.ts'
import { InlineBlob, restoreTexts } from '../../../../services/bytes/json/inline-blob.ts'
import { LONG_STRING, type ParseOptions, parseBody } from '../../../../services/bytes/json/parse-body.ts'
import { checkProperty } from '../../../support/property.ts'

const pool = createBufferPool()
const image = Buffer.alloc(LONG_STRING, 'A long image. ').toString('base64')
const everywhere: ParseOptions = { pool, blobsIn: (value) => value, isBase64: (key) => key === 'data' }
const nowhere: ParseOptions = { ...everywhere, blobsIn: () => undefined }
const parse = (text: string) => parseBody(Buffer.from(text), nowhere).value

for (const [what, text] of [
  ['an image', image],
  ['an image in a data URL', `data:image/png;base64,${image}`],
  ['base64url', image.replaceAll('Q', '-').replaceAll('I', '_')],
  ['base64 without its padding', image.replace(/=+$/, '')],
  ['a long text with letters beyond ASCII', 'ü😀'.repeat(LONG_STRING)],
  ['a long text with escapes', `${image}"\\/\n`],
  ['an image with a character that does not belong', `${image.slice(0, -10)}!${image.slice(-9)}`],
] as const) {
  test(`reads ${what} as JSON.parse does`, (t: TestContext) => {
    const message = { before: 'ü', data: text, list: [text, 1, text], after: { deep: [{ text }] } }
    t.assert.deepStrictEqual(parse(JSON.stringify(message)), message)
  })
}

test('decodes escaped slashes and letters by number', (t: TestContext) => {
  const escaped = JSON.stringify({ data: image }).replaceAll('/', '\\/').replaceAll('Q', '\\u0051')
  t.assert.deepStrictEqual(parse(escaped), { data: image })
})

test('removes line breaks from a long image', (t: TestContext) => {
  t.assert.deepStrictEqual(parse(`{"data":"${image.replaceAll(/.{76}/g, '$&\n')}"}`), { data: image })
})

test('rejects raw control characters in a long string, as JSON does', (t: TestContext) => {
  t.assert.throws(() => parse(`{"data":"${image}\t"}`), { name: 'SyntaxError' })
})

test('a long key stays a key', (t: TestContext) => {
  t.assert.deepStrictEqual(parse(`{"${image}" : 1}`), { [image]: 1 })
})

test('rejects broken JSON around an image', (t: TestContext) => {
  t.assert.throws(() => parse(`{"data":"${image}",}`), { name: 'SyntaxError' })
})

test('agrees with JSON.parse, wherever images are', async (t: TestContext) => {
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      fc.constant(image),
      fc.string({ unit: 'binary' }),
      fc.integer(),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(
        fc.string({ maxLength: 5 }).filter((key) => key !== '__proto__' && key !== 'constructor'),
        tie('node'),
        {
          maxKeys: 4,
          noNullPrototype: true,
        },
      ),
    ),
  })).node
  await checkProperty(
    t,
    fc.property(value, (node) => {
      const text = JSON.stringify({ node })
      t.assert.deepStrictEqual(parse(text), JSON.parse(text))
    }),
    { numRuns: 200 },
  )
})

describe('where blobs are allowed', () => {
  const bytes = Buffer.from(image, 'base64')
  const parseBlobs = (value: object) => parseBody(Buffer.from(JSON.stringify(value)), everywhere)
  const blobIn = (value: unknown) => {
    if (!(value instanceof InlineBlob)) throw new Error('it is not a blob')
    return value
  }

  test('a long base64 text is its bytes', (t: TestContext) => {
    const { value } = parseBlobs({ data: image, list: [`data:image/png;base64,${image}`], prompt: 'x' })
    const { data, list, prompt } = Object(value)
    t.assert.deepStrictEqual([blobIn(data).header, blobIn(data).bytes], ['', bytes])
    t.assert.deepStrictEqual([blobIn(list[0]).header, blobIn(list[0]).bytes], ['data:image/png;base64,', bytes])
    t.assert.equal(prompt, 'x')
  })

  test('restoring turns every blob into the text that was sent', (t: TestContext) => {
    const sent = { data: image, deep: [{ text: `data:,${image}` }], prompt: 'x' }
    const { value } = parseBlobs(sent)
    restoreTexts(Object(value))
    t.assert.deepStrictEqual(value, sent)
  })

  test('restoring keeps the blobs of excepted members', (t: TestContext) => {
    const { value } = parseBlobs({ data: image, prompt: image, list: [image] })
    restoreTexts(Object(value), (parent, key) => parent === value && key !== 'prompt')
    const { data, prompt, list } = Object(value)
    t.assert.deepStrictEqual([blobIn(data).bytes, prompt, blobIn(list[0]).bytes], [bytes, image, bytes])
  })

  test('the last of duplicate keys wins', (t: TestContext) => {
    const twice = `{"data":"${image}","data":"x","other":"y","other":"${image}"}`
    const { data, other } = Object(parseBody(Buffer.from(twice), everywhere).value)
    t.assert.deepStrictEqual([data, blobIn(other).bytes], ['x', bytes])
  })

  test('only one part of the value has blobs', (t: TestContext) => {
    const body = Buffer.from(JSON.stringify({ inside: { data: image }, outside: image }))
    const { value } = parseBody(body, { ...everywhere, blobsIn: (whole) => Object(whole).inside })
    const { inside, outside } = Object(value)
    t.assert.deepStrictEqual([blobIn(inside.data).bytes, outside], [bytes, image])
  })

  test('a value that is only a long text stays text', (t: TestContext) => {
    t.assert.equal(parseBody(Buffer.from(`"${image}"`), everywhere).value, image)
  })

  test('plain JSON.stringify writes the size of a blob', (t: TestContext) => {
    t.assert.equal(JSON.stringify(parseBlobs({ data: image }).value), `{"data":"(${LONG_STRING} bytes)"}`)
  })

  test('a blob is empty once its message is disposed', (t: TestContext) => {
    const parsed = parseBlobs({ data: image })
    const { data } = Object(parsed.value)
    parsed[Symbol.dispose]()
    parsed[Symbol.dispose]()
    t.assert.equal(blobIn(data).bytes.length, 0)
  })
})
