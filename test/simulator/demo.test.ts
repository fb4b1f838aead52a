import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

const script = new URL('../../simulator/demo.ts', import.meta.url).pathname

/** Starts the demo and waits for what it says. */
async function startDemo(t: TestContext, port: number) {
  const imagesDir = await mkdtemp(join(tmpdir(), 'demo-test-'))
  const demo = spawn(process.execPath, [script], {
    cwd: imagesDir,
    env: { ...process.env, IMAGES_DIR: imagesDir, MCP_SERVER_PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(async () => {
    // The demo ends the service, so it is asked, not killed.
    if (demo.exitCode === null && demo.kill('SIGTERM')) await once(demo, 'exit')
    await rm(imagesDir, { recursive: true, force: true })
  })
  let said = ''
  demo.stdout.on('data', (chunk) => {
    said += String(chunk)
  })
  const early = once(demo, 'exit').then(([code]) => Promise.reject(new Error(`the demo ended with ${code}: ${said}`)))
  while (!said.includes('Ctrl-C')) await Promise.race([once(demo.stdout, 'data'), early])
  early.catch(() => {})
  const url = /running at (http:\S+)/.exec(said)?.[1] ?? ''
  return { demo, said, url }
}

test('the demo finds a free port, says that images are simulated, serves, and ends with 0 on Ctrl-C', async (t: TestContext) => {
  const busy = createServer().listen(0, '127.0.0.1')
  await once(busy, 'listening')
  t.after(() => busy.close())
  const address = busy.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { demo, said, url } = await startDemo(t, port)
  t.assert.match(said, /simulated/)
  t.assert.notStrictEqual(new URL(url).port, String(port))
  t.assert.strictEqual((await fetch(`${url}/health`)).status, 200)
  demo.kill('SIGINT')
  t.assert.deepStrictEqual(await once(demo, 'exit'), [0, null])
  await t.assert.rejects(fetch(`${url}/health`))
})
