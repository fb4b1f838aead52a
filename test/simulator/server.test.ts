import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'

const script = new URL('../../simulator/server.ts', import.meta.url).pathname

function start(t: TestContext, args: readonly string[]) {
  const simulator = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => simulator.kill('SIGKILL'))
  return simulator
}

test('npm run simulate says where it listens and ends with 0 on SIGTERM', async (t: TestContext) => {
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
  const [said] = await once(simulator.stdout, 'data')
  const url = /http:\S+/.exec(String(said))?.[0]
  const response = await fetch(`${url}/providers/blackforestlabs/v1/flux-2-pro?api-version=preview`, {
    method: 'POST',
    body: JSON.stringify({ model: 'mine', prompt: 'x', width: 64, height: 64 }),
    headers: { 'api-key': 'one', 'content-type': 'application/json' },
  })
  t.assert.strictEqual(response.status, 200)
  simulator.kill('SIGTERM')
  t.assert.deepStrictEqual(await once(simulator, 'exit'), [0, null])
})

test('names the models it knows when asked for another', async (t: TestContext) => {
  const simulator = start(t, ['--port', '0', '--deployment', 'mine=nothing'])
  const [[said], [code]] = await Promise.all([once(simulator.stderr, 'data'), once(simulator, 'exit')])
  t.assert.match(String(said), /knows gpt-image-1.*not nothing/)
  t.assert.strictEqual(code, 1)
})
