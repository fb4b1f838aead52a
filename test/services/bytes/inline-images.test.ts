import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { LONG_STRING } from '../../../services/bytes/inline-images.ts'
import { parseJsonBody } from '../../../services/bytes/json-reader.ts'

const image = Buffer.alloc(LONG_STRING, 'A long image. ').toString('base64')
const parse = (text: string) => parseJsonBody(Buffer.from(text)).message

for (const [what, text] of [
  ['an image', image],
  ['an image in a data URL', `data:image/png;base64,${image}`],
  ['base64url', image.replaceAll('Q', '-').replaceAll('I', '_')],
  ['base64 without its padding', image.replace(/=+$/, '')],
  ['a long text with letters beyond ASCII', 'ü😀'.repeat(LONG_STRING)],
  ['a long text with escapes', `${image}"\\/\n`],
  ['an image with a character that does not belong', `${image.slice(0, -10)}!${image.slice(-9)}`],
] as const) {
  test(`gives ${what} as JSON.parse gives it`, (t: TestContext) => {
    const message = { before: 'ü', data: text, list: [text, 1, text], after: { deep: [{ text }] } }
    t.assert.deepStrictEqual(parse(JSON.stringify(message)), message)
  })
}

test('takes escaped slashes and letters by number for what they are', (t: TestContext) => {
  const escaped = JSON.stringify({ data: image }).replaceAll('/', '\\/').replaceAll('Q', '\\u0051')
  t.assert.deepStrictEqual(parse(escaped), { data: image })
})

test('takes line breaks out of a long image', (t: TestContext) => {
  t.assert.deepStrictEqual(parse(`{"data":"${image.replaceAll(/.{76}/g, '$&\n')}"}`), { data: image })
})

test('rejects raw control characters in a long string, as JSON does', (t: TestContext) => {
  t.assert.throws(() => parse(`{"data":"${image}\t"}`), { code: -32700 })
})

test('leaves a long key a key', (t: TestContext) => {
  t.assert.deepStrictEqual(parse(`{"${image}" : 1}`), { [image]: 1 })
})

test('rejects broken JSON around an image', (t: TestContext) => {
  t.assert.throws(() => parse(`{"data":"${image}",}`), { code: -32700 })
})

test('is what JSON.parse says, wherever images are', (t: TestContext) => {
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
  fc.assert(
    fc.property(value, (node) => {
      const text = JSON.stringify({ node })
      t.assert.deepStrictEqual(parse(text), JSON.parse(text))
    }),
    { numRuns: 200 },
  )
})

/** A call to a tool with these arguments, parsed, and its arguments as they lie in the message. */
function parseCall(args: object) {
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'edit_image', arguments: args } }
  const { message, images } = parseJsonBody(Buffer.from(JSON.stringify(call)))
  const { params } = message as typeof call
  return { message, images, args: params.arguments as Record<string, unknown>, sent: call }
}

describe('the arguments of a call to a tool', () => {
  const bytes = Buffer.from(image, 'base64')

  test('hold names, under which the bytes of their images are found', (t: TestContext) => {
    const { args, images } = parseCall({ data: image, list: [`data:image/png;base64,${image}`], prompt: 'x' })
    const [second] = args.list as string[]
    t.assert.ok(String(args.data).length < 100)
    t.assert.deepStrictEqual(images.find(String(args.data)), { header: '', bytes })
    t.assert.deepStrictEqual(images.find(String(second)), { header: 'data:image/png;base64,', bytes })
    t.assert.equal(args.prompt, 'x')
    t.assert.equal(images.find('x'), undefined)
  })

  test('are what was sent when all is put back', (t: TestContext) => {
    const { message, images, sent } = parseCall({ data: image, deep: [{ text: `data:,${image}` }], prompt: 'x' })
    images.restore(Object(message))
    t.assert.deepStrictEqual(message, sent)
  })

  test('keep the names that are left out', (t: TestContext) => {
    const { args, images } = parseCall({ data: image, prompt: image })
    const name = args.data
    images.restore(args, (node, key) => node === args && key === 'data')
    t.assert.deepStrictEqual(args, { data: name, prompt: image })
  })

  test('cannot name an image themselves', (t: TestContext) => {
    const first = parseCall({ data: image })
    const { images } = parseCall({ data: image })
    t.assert.equal(images.find(String(first.args.data)), undefined)
  })

  test('have no bytes any more once they are released', (t: TestContext) => {
    const { args, images } = parseCall({ data: image })
    const found = images.find(String(args.data))
    images.release()
    images.release()
    t.assert.equal(found?.bytes.length, 0)
  })
})
