import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryFolder } from '../support/temporary-folder.ts'

const script = join(import.meta.dirname, '../../scripts/run-tests.ts')

/** What `npm test -- …` runs. */
function runTests(...args: string[]) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return spawnSync(process.execPath, [script, ...args], { env, encoding: 'utf8', timeout: 120_000 })
}

test('with a file only that file is run, with the options that are given', async (t: TestContext) => {
  const file = join(await temporaryFolder(t), 'two.test.mjs')
  await writeFile(file, "import { test } from 'node:test'\ntest('first', () => {})\ntest('second', () => {})\n")
  t.assert.match(runTests(file).stdout, /tests 2\b/)
  t.assert.match(runTests('--test-name-pattern=first', file).stdout, /tests 1\b/)
})

test('a file that does not exist ends it with an error', (t: TestContext) => {
  const { status, stderr } = runTests('test/no-such.test.ts')
  t.assert.strictEqual(status, 1)
  t.assert.match(stderr, /No such file: test\/no-such\.test\.ts/)
})

test('a file that failed in a suite runs once more, by itself: what passes is named, what fails again fails the suite', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const once = `import { existsSync, writeFileSync } from 'node:fs'
    import { test } from 'node:test'
    test('chance', () => {
      const isSecond = existsSync(import.meta.filename + '.ran')
      writeFileSync(import.meta.filename + '.ran', '')
      if (!isSecond) throw new Error('at first')
    })`
  await writeFile(join(folder, 'chance.test.mjs'), once)
  const unsteady = runTests(`${folder}/*.test.mjs`)
  t.assert.strictEqual(unsteady.status, 0)
  t.assert.match(unsteady.stdout, /at first[\s\S]*Unsteady[^\n]*chance\.test\.mjs/)
  await writeFile(
    join(folder, 'wrong.test.mjs'),
    "import { test } from 'node:test'\ntest('wrong', () => { throw new Error() })\n",
  )
  const wrong = runTests(`${folder}/*.test.mjs`)
  t.assert.strictEqual(wrong.status, 1)
  t.assert.doesNotMatch(wrong.stdout, /Unsteady/)
})
