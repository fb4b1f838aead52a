import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import { type Requirement, requirements } from '../support/requirements.ts'
import { verifiedName } from '../support/verifies.ts'

const root = join(import.meta.dirname, '../..')
const reporter = join(root, 'test/support/test-results-reporter.ts')

interface Result {
  name: string
  hasPassed: boolean
}

/** Runs the tests of these files that verify requirements; a skipped test or one marked as todo has not passed. */
async function runProofs(files: readonly string[]): Promise<Result[]> {
  // A test run inside a test run would run nothing.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env
  const args = [
    '--test',
    '--test-isolation=none',
    `--test-name-pattern=${verifiedName}`,
    `--test-reporter=${reporter}`,
    ...files,
  ]
  const { promise, resolve } = Promise.withResolvers<string>()
  // Exits with 1 where a test fails; the check below then names the requirement.
  execFile(process.execPath, args, { cwd: root, env: environment }, (_error, stdout) => resolve(stdout))
  const lines = (await promise).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line))
}

/** What is wrong with the proof of a requirement, if anything. */
function gapOf(id: string, results: readonly Result[]): string | undefined {
  const proofs = results.filter(({ name }) => verifiedName.exec(name)?.[1]?.split(', ').includes(id))
  if (proofs.length === 0) return 'no test verifies it'
  const failed = proofs.filter(({ hasPassed }) => !hasPassed)
  return failed.length === 0 ? undefined : `not passed: ${failed.map(({ name }) => name).join('; ')}`
}

describe('every requirement is proven by tests that run and pass', () => {
  let results: Result[] = []
  before(async () => {
    const files = globSync('test/**/*.test.ts', { cwd: root }).filter((file) =>
      readFileSync(join(root, file), 'utf8').includes('verifies('),
    )
    results = await runProofs(files)
  })

  for (const [id, { link, sentence }] of Object.entries<Requirement>(requirements)) {
    test(`${id}: ${sentence}`, (t: TestContext) => {
      t.assert.strictEqual(gapOf(id, results), undefined)
      t.assert.ok(URL.canParse(link), link)
    })
  }
})

test('a test that is missing, skipped, todo or failing proves nothing', async (t: TestContext) => {
  const results = await runProofs(['test/fixtures/proofs.ts'])
  t.assert.strictEqual(gapOf('passes', results), undefined)
  for (const id of ['skipped', 'todo', 'fails', 'partly-fails', 'in-a-skipped-suite', 'commented-out']) {
    t.assert.notStrictEqual(gapOf(id, results), undefined, id)
  }
})
