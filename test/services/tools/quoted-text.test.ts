import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { quoted } from '../../../services/tools/quoted-text.ts'
import { checkProperty } from '../../support/property.ts'

test('a text of a client is one quotation on one line, whatever is in it', async (t: TestContext) => {
  t.assert.equal(quoted('a "red"\r\n\tfox', 50), '"a \'red\' fox"')
  t.assert.equal(quoted('x\u2028y\u202ez\u0000', 50), '"x y z"')
  t.assert.equal(quoted('”ends here“', 50), '"\'ends here\'"')
  t.assert.equal(quoted('❝❞〝〞‟', 50), "\"'''''\"")
  await checkProperty(
    t,
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 1, max: 80 }), (text, most) => {
      const result = quoted(text, most)
      t.assert.match(result, /^"[^"\r\n\u2028\u2029]*"$/)
      t.assert.ok([...result].length <= most + 3)
    }),
    { numRuns: 100 },
  )
})

test('a long text is cut between characters', (t: TestContext) => {
  t.assert.equal(quoted('狐狸🦊🦊🦊', 3), '"狐狸🦊…"')
  t.assert.equal(quoted('狐狸🦊', 3), '"狐狸🦊"')
  t.assert.equal(quoted('a'.repeat(1_000_000), 5), '"aaaaa…"')
})
