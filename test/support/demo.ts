import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryFolder } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

const script = join(import.meta.dirname, '../../scripts/demo.ts')

/** Starts `npm run demo`, and returns once it has printed how to end it. */
export async function startDemo(t: TestContext, { port = 0, folder = 'images' } = {}) {
  const images = join(await temporaryFolder(t), folder)
  await mkdir(images)
  const demo = spawn(process.execPath, [script], {
    cwd: images,
    env: { ...process.env, IMAGES_DIR: images, MCP_SERVER_PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  demo.stdout.on('data', (chunk: Buffer) => (printed += chunk))
  const ended = once(demo, 'exit')
  t.after(async () => {
    // A demo that is killed leaves its service running.
    if (demo.exitCode === null && demo.kill('SIGTERM')) await ended
  })
  await Promise.race([
    waitFor('the demo', () => printed.includes('Ctrl-C'), { explain: () => printed }),
    ended.then(([code]) => Promise.reject(new Error(`the demo ended with ${code}: ${printed}`))),
  ])
  return { demo, images, printed }
}
