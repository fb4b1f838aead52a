import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { minimalEnvironment } from '../support/app.ts'
import { containerFlags } from '../support/container-flags.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { storedResults } from '../support/stored-results.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const bin = join(import.meta.dirname, '../../bin/azure-image-editor-mcp.js')

/** More than a pipe buffers while no one reads it. */
const call = (id: number) =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'generate_image', arguments: { prompt: 'a forest of trees', size: '1024x1024' } } })}\n`

async function setUp(t: TestContext, latencyMs = 200, graceMs = 2_000) {
  const { simulator, url } = await startSimulator(t, { latencyMs })
  const images = join(await temporaryFolder(t), 'images')
  await mkdir(images)
  const environment = {
    ...minimalEnvironment,
    PATH: process.env.PATH,
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    IMAGES_DIR: images,
    SHUTDOWN_GRACE_MS: String(graceMs),
  }
  const stored = async () => (await storedResults(images)).length

  async function start() {
    const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
      process.execPath,
      [...containerFlags({ images }), bin, '--stdio'],
      { env: environment, cwd: images, stdio: ['pipe', 'pipe', 'pipe'] },
    )
    const ended = once(child, 'close').then(([code]) => code)
    let log = ''
    child.stderr.on('data', (chunk) => {
      log += chunk
    })
    t.after(async () => {
      child.kill('SIGKILL')
      await ended
    })
    return {
      child,
      ended,
      get log() {
        return log
      },
    }
  }
  return { simulator, start, stored }
}

async function readMessage(output: Readable): Promise<string> {
  for await (const line of createInterface({ input: output })) return line
  return ''
}

describe('over stdio a result is delivered once it was written completely to the pipe', () => {
  test('a client that reads during SIGTERM gets its whole line', async (t: TestContext) => {
    const { simulator, start, stored } = await setUp(t, 800, 60_000)
    const { child, ended } = await start()
    child.stdin.write(call(1))
    await waitFor('a request to Azure', () => simulator.requests.length > 0)
    child.kill('SIGTERM')
    t.assert.match(JSON.parse(await readMessage(child.stdout)).result.content[0].text, /successfully generated/)
    t.assert.equal(await ended, 0)
    t.assert.equal(await stored(), 0)
  })

  test('a client whose call is cut off by the shutdown is told that it may be billed', async (t: TestContext) => {
    const { simulator, start } = await setUp(t, 20_000)
    const { child, ended } = await start()
    child.stdin.write(call(1))
    await waitFor('a request to Azure', () => simulator.requests.length > 0)
    child.kill('SIGTERM')
    const { id, error } = JSON.parse(await readMessage(child.stdout))
    t.assert.deepEqual([id, error.code, error.data], [1, 504, undefined])
    t.assert.match(error.message, /may have been generated and billed/)
    t.assert.equal(await ended, 0)
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`a result that is unread when the grace period of ${signal} ends is stored`, async (t: TestContext) => {
      const { simulator, start, stored } = await setUp(t)
      const first = await start()
      first.child.stdin.write(call(1))
      await once(first.child.stdout, 'readable')
      first.child.kill(signal)
      t.assert.equal(await first.ended.then(() => first.child.exitCode), 0)
      t.assert.equal(await stored(), 1)
      const next = await start()
      next.child.stdin.write(call(1))
      t.assert.match(await readMessage(next.child.stdout), /whose response you did not receive/)
      t.assert.equal(simulator.requests.length, 1)
      next.child.stdin.end()
      t.assert.equal(await next.ended, 0)
      t.assert.equal(await stored(), 0)
    })
  }

  test('a client that closes the pipe halfway gets its result from the next process', async (t: TestContext) => {
    const { simulator, start } = await setUp(t)
    const first = await start()
    first.child.stdin.write(call(1))
    await once(first.child.stdout, 'readable')
    first.child.stdout.read(10)
    first.child.stdout.destroy()
    first.child.stdin.end()
    t.assert.equal(await first.ended, 0)
    const next = await start()
    next.child.stdin.write(call(2))
    t.assert.match(await readMessage(next.child.stdout), /whose response you did not receive/)
    t.assert.equal(simulator.requests.length, 1)
  })

  test('a cancelled call keeps running, and an identical call joins it', async (t: TestContext) => {
    const { simulator, start } = await setUp(t, 0)
    const release = simulator.hold()
    const { child } = await start()
    child.stdin.write(call(1))
    await waitFor('a request to Azure', () => simulator.requests.length > 0)
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
    child.stdin.write(`${JSON.stringify(cancelled)}\n${call(2)}`)
    release()
    const message = JSON.parse(await readMessage(child.stdout))
    t.assert.equal(message.id, 2)
    t.assert.match(message.result.content[2].text, /whose response you did not receive/)
    t.assert.equal(simulator.requests.length, 1)
  })
})
