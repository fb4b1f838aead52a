import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

/** The properties that untrusted input must not break, and the files that test them. */
const properties: Readonly<Record<string, readonly string[]>> = {
  'any JSON gets a valid answer': ['attacks/messages.slow.test.ts', 'attacks/tools.slow.test.ts'],
  'any path stays inside the folder': [
    'services/library/output-path.test.ts',
    'services/library/local-image-store.test.ts',
  ],
  'any bytes are an image or a rejection': [
    'services/imaging/image-probe.test.ts',
    'services/imaging/convert.slow.test.ts',
  ],
}

/** Calls of `checkProperty`. */
function casesIn(file: string): number {
  const code = readFileSync(join(import.meta.dirname, '..', file), 'utf8')
  const runs = [...code.matchAll(/checkProperty\([\s\S]*?numRuns: ([\d_]+)/g)]
  return runs.reduce((sum, [, count = '']) => sum + Number(count.replaceAll('_', '')), 0)
}

test('the properties that no input may break are tested with at least 20,000 cases', (t: TestContext) => {
  let total = 0
  for (const [property, files] of Object.entries(properties)) {
    const cases = files.reduce((sum, file) => sum + casesIn(file), 0)
    t.diagnostic(`${property}: ${cases} cases`)
    t.assert.ok(cases >= 5_000, `${property}: only ${cases} cases`)
    total += cases
  }
  t.assert.ok(total >= 20_000, `only ${total} cases`)
})
