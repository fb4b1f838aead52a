import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'

const script = new URL('../../simulator/server.ts', import.meta.url).pathname

function start(t: TestContext, args: readonly string[]) {
  const simulator = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => simulator.kill('SIGKILL'))
  return simulator
}

test('npm run simulate prints its URL and exits with 0 on SIGTERM', async (t: TestContext) => {
  const simulator = start(t, [
    '--port',
    '0',
    '--key',
    'one',
    '--deployment',
    'mine=FLUX.2-pro',
    '--deployment',
    'gpt-image-2',
  ])
  const [printed] = await once(simulator.stdout, 'data')
  const url = /http:\S+/.exec(String(printed))?.[0]
  const response = await fetch(`${url}/providers/blackforestlabs/v1/flux-2-pro?api-version=preview`, {
    method: 'POST',
    body: JSON.stringify({ model: 'mine', prompt: 'x', width: 64, height: 64 }),
    headers: { 'api-key': 'one', 'content-type': 'application/json' },
  })
  t.assert.strictEqual(response.status, 200)
  simulator.kill('SIGTERM')
  t.assert.deepStrictEqual(await once(simulator, 'exit'), [0, null])
})

test('an unknown model exits with 1 and the names of the known ones', async (t: TestContext) => {
  const simulator = start(t, ['--port', '0', '--deployment', 'mine=nothing'])
  const [[printed], [code]] = await Promise.all([once(simulator.stderr, 'data'), once(simulator, 'exit')])
  t.assert.match(String(printed), /unknown model nothing; the simulator has gpt-image-1/)
  t.assert.strictEqual(code, 1)
})
