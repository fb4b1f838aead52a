import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freePorts } from '../support/free-ports.ts'
import { callTool } from '../support/service.ts'
import { requireProgram, root } from '../support/system/processes.ts'
import { waitFor } from '../support/wait-for.ts'

test('one command starts three replicas behind Nginx, of which any returns the result of a job', async (t: TestContext) => {
  for (const program of ['nginx', 'redis-server']) await requireProgram(program)
  const [port] = await freePorts(1)
  const demo = spawn(process.execPath, [join(root, 'scripts/scaled-demo.ts')], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => demo.kill('SIGKILL'))
  let shown = ''
  demo.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text))
  await waitFor('the demo', () => shown.includes('replicas of azure-image-editor-mcp are running'), { limitMs: 60_000 })
  const url = `http://127.0.0.1:${port}`
  const { text } = await callTool(url, 'generate_image', { prompt: 'a red fox', job: true })
  const job_id = /job_[0-9a-f]{32}/.exec(text)?.[0] ?? ''
  for (let replica = 0; replica < 3; replica++) {
    const { images } = await callTool(url, 'get_job', { job_id, wait_ms: 20_000 })
    t.assert.strictEqual(images.length, 1)
  }
  demo.kill('SIGINT')
  t.assert.deepStrictEqual(await once(demo, 'exit'), [0, null])
})
