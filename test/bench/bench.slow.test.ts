import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'

test('every server of the benchmark returns every image whole', { timeout: 900_000 }, async (t: TestContext) => {
  const child = spawn(process.execPath, ['bench/main.ts', '--smoke'], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill())
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  t.assert.strictEqual(code, 0, errors)
  for (const workload of [
    'tools/list',
    'generate',
    'output_path',
    'edit',
    'event stream',
    'logging floor',
    'download',
    'concurrently',
    'waiting',
    '/health',
  ]) {
    t.assert.ok(output.includes(workload), `${workload} is not in the table:\n${output}`)
  }
})
