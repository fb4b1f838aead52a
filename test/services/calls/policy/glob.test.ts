import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { matchesGlob } from '../../../../services/calls/policy/glob.ts'
import { checkProperty } from '../../../support/property.ts'

test('* stands for any text, and everything else for itself', (t: TestContext) => {
  for (const [pattern, text, isMatch] of [
    ['ann', 'ann', true],
    ['ann', 'Ann', false],
    ['team-*', 'team-a', true],
    ['team-*', 'team-', true],
    ['team-*', 'team', false],
    ['*', '', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*.b*b', 'a.bb', true],
    ['*ab*ab', 'xab', false],
    ['a?c', 'abc', false],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
  ] as const) {
    t.assert.strictEqual(matchesGlob(pattern, text), isMatch, `${pattern} ${text}`)
  }
})

/** By trying every length that a `*` can have. */
function matchesSlowly(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern
  if (pattern === '') return text === ''
  if (first !== '*') return text.startsWith(first) && matchesSlowly(rest.join(''), text.slice(first.length))
  return Array.from({ length: text.length + 1 }, (_, at) => at).some((at) =>
    matchesSlowly(rest.join(''), text.slice(at)),
  )
}

test('a pattern matches what a search of all possibilities finds', async (t: TestContext) => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 7 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 })
  const property = fc.property(pattern, text, (glob, name) => matchesGlob(glob, name) === matchesSlowly(glob, name))
  await checkProperty(t, property, { numRuns: 2000 })
})

test('the time to match grows with the text, whatever the pattern', (t: TestContext) => {
  const startedAt = performance.now()
  for (let each = 0; each < 1000; each++) matchesGlob(`${'*a'.repeat(120)}*b`, 'a'.repeat(1024))
  t.assert.ok(performance.now() - startedAt < 20_000)
})
