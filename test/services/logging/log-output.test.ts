import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openLogOutput } from '../../../services/logging/log-output.ts'

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
