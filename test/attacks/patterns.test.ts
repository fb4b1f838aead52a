import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigSchema } from '../../schemas/config.ts'

/**
 * No pattern of ours may take more than linear time, whatever text it gets: each is run against long runs of every
 * character that matters to patterns, with an end that does not fit. Quadratic behaviour over 50,000 characters takes
 * seconds; CPU time is measured, so that a busy machine makes no difference.
 */
const LENGTH = 50_000
const LIMIT_MS = 1_500

const root = join(import.meta.dirname, '../..')
const literal =
  /(?<=[=(:,[!&|?{;\s])\/((?:[^/\\\n[*]|\\.|\[(?:[^\]\\\n]|\\.)*\])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])*)\/([dgimsuvy]*)(?=[\s.,;)\]}])/g

function patternsIn(file: string): { file: string; pattern: RegExp }[] {
  const code = readFileSync(join(root, file), 'utf8').replaceAll(/^\s*(\*|\/\/|\/\*).*$/gm, '')
  return [...code.matchAll(literal)].flatMap(([, source = '', flags = '']) => {
    try {
      return [{ file, pattern: new RegExp(source, flags.replace(/[gy]/g, '')) }]
    } catch {
      // A division, not a pattern.
      return []
    }
  })
}

const files = globSync(['*.ts', '{plugins,routes,services,schemas}/**/*.ts'], { cwd: root })
const patterns = files.flatMap(patternsIn)
for (const [name, schema] of Object.entries(ConfigSchema.properties)) {
  if ('pattern' in schema && typeof schema.pattern === 'string') {
    patterns.push({ file: `schemas/config.ts ${name}`, pattern: new RegExp(schema.pattern, 'u') })
  }
}

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

test('every pattern takes linear time for any text', { timeout: 120_000 }, (t: TestContext) => {
  t.assert.ok(patterns.length > 40, `found ${patterns.length} patterns`)
  t.diagnostic(`${patterns.length} patterns, ${runs.length * ends.length} texts each`)
  const slow = new Set<string>()
  for (const { file, pattern } of patterns) {
    for (const run of runs) {
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
