import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { parseJsonBody } from '../../../services/bytes/json-reader.ts'
import { LONG_STRING } from '../../../services/bytes/inline-images.ts'

const picture = Buffer.alloc(LONG_STRING, 'A long picture. ').toString('base64')
const parse = (text: string) => parseJsonBody(Buffer.from(text)).message

for (const [what, text] of [
  ['a picture', picture],
  ['a picture in a data URL', `data:image/png;base64,${picture}`],
  ['base64url', picture.replaceAll('Q', '-').replaceAll('I', '_')],
  ['base64 without its padding', picture.replace(/=+$/, '')],
  ['a long text with letters beyond ASCII', 'ü😀'.repeat(LONG_STRING)],
  ['a long text with escapes', `${picture}"\\/\n`],
  ['a picture with a character that does not belong', `${picture.slice(0, -10)}!${picture.slice(-9)}`],
] as const) {
  test(`gives ${what} as JSON.parse gives it`, (t: TestContext) => {
    const message = { before: 'ü', data: text, list: [text, 1, text], after: { deep: [{ text }] } }
    t.assert.deepStrictEqual(parse(JSON.stringify(message)), message)
  })
}

test('takes escaped slashes and letters by number for what they are', (t: TestContext) => {
  const escaped = JSON.stringify({ data: picture }).replaceAll('/', '\\/').replaceAll('Q', '\\u0051')
  t.assert.deepStrictEqual(parse(escaped), { data: picture })
})

test('takes line breaks out of a long picture', (t: TestContext) => {
  t.assert.deepStrictEqual(parse(`{"data":"${picture.replaceAll(/.{76}/g, '$&\n')}"}`), { data: picture })
})

test('refuses raw control characters in a long string, as JSON does', (t: TestContext) => {
  t.assert.throws(() => parse(`{"data":"${picture}\t"}`), { code: -32700 })
})

test('leaves a long key a key', (t: TestContext) => {
  t.assert.deepStrictEqual(parse(`{"${picture}" : 1}`), { [picture]: 1 })
})

test('refuses broken JSON around a picture', (t: TestContext) => {
  t.assert.throws(() => parse(`{"data":"${picture}",}`), { code: -32700 })
})

test('is what JSON.parse says, wherever pictures are', (t: TestContext) => {
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      fc.constant(picture),
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
  const { message, pictures } = parseJsonBody(Buffer.from(JSON.stringify(call)))
  const { params } = message as typeof call
  return { message, pictures, args: params.arguments as Record<string, unknown>, sent: call }
}

describe('the arguments of a call to a tool', () => {
  const bytes = Buffer.from(picture, 'base64')

  test('hold names, under which the bytes of their pictures are found', (t: TestContext) => {
    const { args, pictures } = parseCall({ data: picture, list: [`data:image/png;base64,${picture}`], prompt: 'x' })
    const [second] = args.list as string[]
    t.assert.ok(String(args.data).length < 100)
    t.assert.deepStrictEqual(pictures.find(String(args.data)), { header: '', bytes })
    t.assert.deepStrictEqual(pictures.find(String(second)), { header: 'data:image/png;base64,', bytes })
    t.assert.equal(args.prompt, 'x')
    t.assert.equal(pictures.find('x'), undefined)
  })

  test('are what was sent when all is put back', (t: TestContext) => {
    const { message, pictures, sent } = parseCall({ data: picture, deep: [{ text: `data:,${picture}` }], prompt: 'x' })
    pictures.putBack(Object(message))
    t.assert.deepStrictEqual(message, sent)
  })

  test('keep the names that are left out', (t: TestContext) => {
    const { args, pictures } = parseCall({ data: picture, prompt: picture })
    const name = args.data
    pictures.putBack(args, (node, key) => node === args && key === 'data')
    t.assert.deepStrictEqual(args, { data: name, prompt: picture })
  })

  test('cannot name a picture themselves', (t: TestContext) => {
    const first = parseCall({ data: picture })
    const { pictures } = parseCall({ data: picture })
    t.assert.equal(pictures.find(String(first.args.data)), undefined)
  })

  test('have no bytes any more once they are released', (t: TestContext) => {
    const { args, pictures } = parseCall({ data: picture })
    const found = pictures.find(String(args.data))
    pictures.release()
    pictures.release()
    t.assert.equal(found?.bytes.length, 0)
  })
})
