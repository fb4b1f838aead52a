import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { findPatterns } from '../support/pattern-finder.ts'

/**
 * Every pattern must take linear time for any text: each runs against long sequences of every character that matters to it,
 * with an end that does not match. Quadratic behaviour over 50,000 characters takes seconds; CPU time is measured, which
 * other load on the machine does not affect.
 */
const LENGTH = 50_000
const LIMIT_MS = 1_500

const root = join(import.meta.dirname, '../..')
const files = globSync(['*.ts', '{plugins,routes,services,schemas}/**/*.ts'], { cwd: root })
const patterns = files.flatMap((file) =>
  findPatterns(readFileSync(join(root, file), 'utf8')).map(({ pattern }) => ({ file, pattern })),
)

const runs = [
  'a',
  'A',
  '0',
  '-',
  '.',
  '/',
  '=',
  ',',
  ' ',
  '\n',
  '"',
  '\\',
  '%',
  ';',
  ':',
  '_',
  '+',
  '<',
  'x1',
  'a.',
  '../',
  '0x',
  'a,',
  ' ,',
  'A=',
  '="',
  '\\"',
]
const ends = ['', '!', '\u0000', '\n!']

test('every pattern takes linear time for any text', { timeout: 600_000 }, (t: TestContext) => {
  t.assert.ok(patterns.length > 80, `found ${patterns.length} patterns`)
  t.diagnostic(`${patterns.length} patterns, at least ${runs.length * ends.length} texts each`)
  const slow = new Set<string>()
  for (const { file, pattern } of patterns) {
    for (const run of new Set([...runs, ...pattern.source])) {
      for (const end of ends) {
        const text = run.repeat(LENGTH / run.length) + end
        const before = process.cpuUsage()
        pattern.test(text)
        const { user, system } = process.cpuUsage(before)
        if ((user + system) / 1000 > LIMIT_MS) slow.add(`${file}: ${pattern} on ${JSON.stringify(run)}…`)
      }
    }
  }
  t.assert.deepEqual([...slow], [])
})

test('patterns are found in any context', (t: TestContext) => {
  const source = [
    'const half = total / 2 / parts[0] / (1 + 2)',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source to be read
    'const one = text.replace(/[/"]\\/x/g, `${text.split(/two/).length / 2} /none/ `)',
    '// /none/',
    'const f = (x: string): boolean => /three/u.test(x)',
    "const schema = { pattern: '^four\\\\d$', text: '/none/' }",
    "const FIVE_PATTERN = 'five'",
    'return /six/',
  ]
  const found = findPatterns(`function f() {${source.join('\n')}}`).map(({ pattern }) => pattern.source)
  t.assert.deepEqual(found, ['[/"]\\/x', 'two', 'three', '^four\\d$', 'five', 'six'])
  t.assert.throws(() => findPatterns('const made = new RegExp(text)'), /made at run time/)
})
