import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { minimalEnvironment } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const server = join(import.meta.dirname, '../../server.ts')

/** How a process ends that does not start. */
async function startFailure(t: TestContext, args: readonly string[], environment: Record<string, string> = {}) {
  const env = { PATH: process.env.PATH, ...minimalEnvironment, ...environment }
  const cwd = await temporaryFolder(t)
  return await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, [server, ...args], { env, cwd, timeout: 120_000 }, (error, _, stderr) =>
      resolve({ code: error?.code, stderr }),
    )
  })
}

test('a worker does not start where jobs are not shared, and says what to set', async (t: TestContext) => {
  const { code, stderr } = await startFailure(t, ['--worker'])
  t.assert.strictEqual(code, 1)
  for (const variable of ['REDIS_URL', 'DATABASE_URL', 'AZURE_STORAGE_URL']) {
    t.assert.match(
      stderr,
      new RegExp(`^ {2}${variable}: is not set.* --worker needs everything that replicas share`, 'm'),
    )
  }
  const partly = await startFailure(t, ['--worker'], { IMAGES_SHARED: 'true' })
  t.assert.doesNotMatch(partly.stderr, /AZURE_STORAGE_URL/)
})

test('a worker serves no client over stdio', async (t: TestContext) => {
  const { code, stderr } = await startFailure(t, ['--worker', '--stdio'])
  t.assert.strictEqual(code, 1)
  t.assert.match(stderr, /--worker serves no client: use it without --stdio/)
})
