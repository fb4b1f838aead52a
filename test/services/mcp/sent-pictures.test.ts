import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { parseJsonBody } from '../../../services/mcp/json-body.ts'
import { LONG_STRING } from '../../../services/mcp/sent-pictures.ts'

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
