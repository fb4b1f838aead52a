import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import sharp from 'sharp'

const run = promisify(execFile)
const script = new URL('../../simulator/demo.ts', import.meta.url).pathname

test('the two calls that the demo prints work when pasted', async (t: TestContext) => {
  await run('curl', ['--version']).catch(() =>
    t.assert.fail('curl is missing: ./scripts/install-test-packages.sh installs it'),
  )
  const imagesDir = await mkdtemp(join(tmpdir(), "demo's images "))
  const demo = spawn(process.execPath, [script], {
    env: { ...process.env, IMAGES_DIR: imagesDir, MCP_SERVER_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    if (demo.exitCode === null && demo.kill('SIGTERM')) await once(demo, 'exit')
    await rm(imagesDir, { recursive: true, force: true })
  })
  let said = ''
  demo.stdout.on('data', (chunk) => {
    said += String(chunk)
  })
  const early = once(demo, 'exit').then(() => Promise.reject(new Error(`the demo ended: ${said}`)))
  early.catch(() => {})
  while (!said.includes('Ctrl-C')) await Promise.race([once(demo.stdout, 'data'), early])

  const calls = said.split('\n').filter((line) => line.includes('curl -s'))
  t.assert.strictEqual(calls.length, 2)
  for (const call of calls) {
    const { stdout } = await run('sh', ['-c', call], { timeout: 30_000 })
    t.assert.match(stdout, /Image successfully (generated|edited)\. Saved to server at: /)
  }
  t.assert.deepStrictEqual((await readdir(imagesDir)).toSorted(), ['sunset-bw.png', 'sunset.png'])
  const { channels } = await sharp(join(imagesDir, 'sunset-bw.png')).stats()
  const [red, green, blue] = channels.map(({ mean }) => Math.round(mean))
  t.assert.ok(red === green && green === blue)
})
