import { spawnSync } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openLogOutput } from '../../../services/logging/log-output.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const module = join(import.meta.dirname, '../../../services/logging/log-output.ts')

for (const end of ['process.exit(0)', 'throw new Error("crash")']) {
  test(`buffered lines are written before ${end}`, (t: TestContext) => {
    const script = `
      import { bufferedStdout } from '${module}'
      const stdout = bufferedStdout()
      stdout.write('one\\n')
      stdout.write('two\\n')
      ${end}`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    t.assert.equal(stdout, 'one\ntwo\n')
  })
}

test('writes no credential of an address, and flushes what the destination buffers', async (t: TestContext) => {
  const lines: string[] = []
  let flushed = 0
  const destination = { write: (line: string) => void lines.push(line), flushSync: () => void flushed++ }
  const output = await openLogOutput({ format: 'json', folder: undefined, destination, isTerminal: false })
  output.write('connecting to https://user:secret@proxy.example/\n')
  output.flush()
  await output.close()
  t.assert.deepEqual(lines, ['connecting to https://[redacted]@proxy.example/\n'])
  t.assert.equal(flushed, 2)
})

test('log files are written as soon as their folder becomes writable', async (t: TestContext) => {
  const folder = join(await temporaryFolder(t), 'logs')
  await writeFile(folder, 'a file in the place of the folder')
  const destination = { write() {} }
  const output = await openLogOutput({ format: 'json', folder, destination, isTerminal: false })
  t.assert.ok(output.fileError instanceof Error)
  output.write('before\n')
  await rm(folder)
  await output.filesOpened
  output.write('after\n')
  await output.close()
  const [name = ''] = await readdir(folder)
  t.assert.equal(await readFile(join(folder, name), 'utf8'), 'after\n')
})
