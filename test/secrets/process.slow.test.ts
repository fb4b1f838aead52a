import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { minimalEnvironment } from '../support/app.ts'
import { leaksIn, readAll, secrets } from '../support/secrets/harness.ts'
import { type ProcessSetup, processSetups } from '../support/secrets/process-setups.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const bin = join(import.meta.dirname, '../../bin/azure-image-editor-mcp.js')

/** The whole output of the executable. */
async function run(t: TestContext, setup: ProcessSetup): Promise<{ said: string; files: string }> {
  const folder = await temporaryFolder(t)
  const logFolder = join(folder, 'logs')
  await mkdir(logFolder)
  for (const [name, text] of Object.entries(setup.files ?? {})) await writeFile(join(folder, name), text)
  if (setup.intruder !== undefined) await writeFile(join(folder, 'intruder.mjs'), setup.intruder)
  const intruder = setup.intruder === undefined ? [] : [`--import=${join(folder, 'intruder.mjs')}`]
  const child = spawn(process.execPath, [...intruder, bin, ...(setup.args ?? [])], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      ...minimalEnvironment,
      AZURE_API_KEY: secrets.azureKey,
      IMAGES_DIR: join(folder, 'images'),
      LOG_DIR: logFolder,
      LOG_LEVEL: 'trace',
      ...setup.environment,
    },
    stdio: 'pipe',
  })
  const ended = once(child, 'close')
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk
      if (setup.until?.test(said)) child.kill('SIGTERM')
    })
  }
  child.stdin.on('error', () => {})
  child.stdin.end(setup.input ?? '')
  await ended
  return { said, files: await readAll(logFolder) }
}

describe('no secret and no prompt is written by the executable', { concurrency: 2 }, () => {
  for (const setup of processSetups) {
    test(`when ${setup.name}`, async (t: TestContext) => {
      const { said, files } = await run(t, setup)
      t.assert.notEqual(said, '')
      t.assert.deepEqual(leaksIn(said), [], said)
      t.assert.deepEqual(leaksIn(files), [], files)
    })
  }
})
