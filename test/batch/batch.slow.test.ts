import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { mayBeBilled } from '../../batch/batch.ts'
import { failure } from '../../batch/service-client.ts'
import { errorCodes, isBilled, serviceError } from '../../services/errors/errors.ts'
import { startCollector } from '../support/collector.ts'
import { callTool, post, startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const executable = fileURLToPath(new URL('../../bin/azure-image-editor-mcp.js', import.meta.url))

interface Run {
  code: number
  stdout: string
  stderr: string
}

/** Runs the command in an empty folder, so that no `.env` is read. */
async function batch(t: TestContext, args: string[], environment: Record<string, string> = {}): Promise<Run> {
  const cwd = await temporaryFolder(t)
  return await new Promise((resolve) => {
    const env = { PATH: process.env.PATH ?? '', HOME: cwd, ...environment }
    const child = execFile(process.execPath, [executable, 'batch', ...args], { cwd, env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

/** Without waiting for it. */
const spawnBatch = (args: string[], environment: Record<string, string>) =>
  spawn(process.execPath, [executable, 'batch', ...args], {
    cwd: environment.IMAGES_DIR,
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: 'ignore',
  })

async function promptsFile(t: TestContext, lines: readonly unknown[]): Promise<{ file: string; out: string }> {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'prompts.jsonl')
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return { file, out: join(folder, 'out') }
}

const entriesOf = async (out: string) =>
  (await readFile(join(out, 'manifest.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('a batch makes one image a line, by a service of its own', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const { file, out } = await promptsFile(t, ['a red fox', { prompt: 'a blue fox', name: 'blue' }, ''])
  const environment = {
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    IMAGES_DIR: await temporaryFolder(t),
    AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
  }
  const run = await batch(t, [file, '--out', out], environment)
  t.assert.strictEqual(run.code, 2, run.stderr)
  t.assert.match(run.stderr, /line 3: "prompt" is missing/)
  t.assert.strictEqual(simulator.requests.length, 0)
  await writeFile(file, '"a red fox"\n\n{"prompt":"a blue fox","name":"blue"}\n')
  const collector = await startCollector(t)
  const good = await batch(t, [file, '--out', out], { ...environment, ...collector.environment })
  t.assert.strictEqual(good.code, 0, good.stderr)
  t.assert.match(good.stdout, /^2 of 2 completed, 0 failed/)
  t.assert.deepStrictEqual((await readdir(out)).sort(), ['0001.png', 'blue.png', 'manifest.jsonl'])
  t.assert.strictEqual(simulator.requests.length, 2)
  // By its end the service has exported them.
  const sent = collector.spans.filter(({ name }) => name === 'generate_content FLUX.1-Kontext-pro')
  t.assert.strictEqual(sent.length, 2)
})

test('a batch that is started again makes only what is missing', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  const { file, out } = await promptsFile(t, ['one', 'two', 'fault:content-filter three'])
  const first = await batch(t, [file, '--out', out, '--url', url])
  t.assert.strictEqual(first.code, 1, first.stderr)
  t.assert.match(first.stdout, /^2 of 3 completed, 1 failed/)
  const sent = simulator.requests.length
  await batch(t, [file, '--out', out, '--url', url])
  t.assert.strictEqual(simulator.requests.length, sent)
  await rm(join(out, '0002.png'))
  const again = await batch(t, [file, '--out', out, '--url', url])
  t.assert.match(again.stdout, /^2 of 3 completed, 1 failed/)
  const entries = await entriesOf(out)
  t.assert.deepStrictEqual(
    new Set(entries.map(({ line, status }) => `${line} ${status}`)),
    new Set(['1 submitted', '2 submitted', '3 submitted', '1 completed', '2 completed', '3 failed']),
  )
})

test('an image that the service returns as a preview is saved whole', async (t: TestContext) => {
  const { url } = await startService(t, { INLINE_IMAGE_MAX_BYTES: '4000', AZURE_DEPLOYMENT_NAME: 'gpt-image-1' })
  const { file, out } = await promptsFile(t, ['one', { prompt: 'two', n: 2 }])
  const run = await batch(t, [file, '--out', out, '--url', url])
  t.assert.match(run.stdout, /^2 of 2 completed/, run.stderr)
  const completed = (await entriesOf(out)).filter(({ status }) => status === 'completed')
  for (const { id, sha256, file: name } of completed.flatMap(({ images }) => images)) {
    const read = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: `image://${id}` } }
    const { response } = await post(url, JSON.stringify(read))
    const bytes = Buffer.from(Object(response.result).contents[0].blob, 'base64')
    t.assert.strictEqual(sha256, createHash('sha256').update(bytes).digest('hex'))
    t.assert.deepStrictEqual(await readFile(join(out, name)), bytes)
    t.assert.ok(bytes.length > 4_000)
  }
  t.assert.deepStrictEqual(completed.map(({ images }) => images.length).sort(), [1, 2])
})

test('without a library, lines under way when the batch was killed are not paid for again unless that is requested', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t, { latencyMs: 1_000 })
  const { file, out } = await promptsFile(t, ['one', 'two', 'three'])
  const environment = {
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    IMAGES_DIR: await temporaryFolder(t),
    AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
    LIBRARY: 'off',
  }
  const args = [file, '--out', out, '--concurrency', '2']
  const killed = spawnBatch(args, environment)
  await waitFor('requests under way', () => simulator.requests.length === 2)
  killed.kill('SIGKILL')
  const again = await batch(t, args, environment)
  t.assert.match(
    again.stdout,
    /^1 of 3 completed, 0 failed, 2 unknown \(perhaps billed; --retry-unknown /,
    again.stderr,
  )
  t.assert.strictEqual(again.code, 1)
  t.assert.strictEqual(simulator.requests.length, 3)
  const last = await batch(t, [...args, '--retry-unknown'], environment)
  t.assert.match(last.stdout, /^3 of 3 completed, 0 failed;/, last.stderr)
  t.assert.strictEqual(simulator.requests.length, 5)
})

test('a job of unknown outcome is made again only if that is requested, and under a key of its own', async (t: TestContext) => {
  const { url, simulator } = await startService(t, {}, { latencyMs: 300 })
  const { file, out } = await promptsFile(t, ['fault:half-body one'])
  const args = [file, '--out', out, '--url', url]
  t.assert.match((await batch(t, args)).stdout, /^0 of 1 completed, 0 failed, 1 unknown/)
  t.assert.match((await batch(t, [...args, '--retry-failed'])).stdout, /^0 of 1 completed, 0 failed, 1 unknown/)
  t.assert.strictEqual(simulator.requests.length, 1)
  await batch(t, [...args, '--retry-unknown'])
  t.assert.strictEqual(simulator.requests.length, 2)
  t.assert.deepStrictEqual(
    (await entriesOf(out)).map(({ status, attempt = 1 }) => `${status} ${attempt}`),
    ['submitted 1', 'unknown 1', 'submitted 2', 'unknown 2'],
  )
})

test('every failure after which another call may cost again is one that a batch does not repeat by itself', (t: TestContext) => {
  const sentences = errorCodes.filter(isBilled).map((code) => serviceError(code, []).message)
  for (const text of sentences) t.assert.ok(mayBeBilled(failure(text)), text)
  for (const text of ['Nothing was sent or billed.', 'Nothing was generated or billed.']) {
    t.assert.ok(!mayBeBilled(failure(text)), text)
  }
})

test('a batch without a service that responds says so', async (t: TestContext) => {
  const { file, out } = await promptsFile(t, ['one'])
  const run = await batch(t, [file, '--out', out, '--url', 'http://127.0.0.1:9/nothing', '--concurrency', '0'])
  t.assert.strictEqual(run.code, 2)
  t.assert.match(run.stdout, /^Usage: batch/)
})

test('a line whose image was deleted before the batch fetched it has failed, with the reason', async (t: TestContext) => {
  const { url } = await startService(t, { TOOLS: 'generate_image,get_job,delete_image' })
  const { file, out } = await promptsFile(t, ['one'])
  await batch(t, [file, '--out', out, '--url', url])
  const [submitted, completed] = await entriesOf(out)
  await callTool(url, 'delete_image', { id: completed.images[0].id })
  await writeFile(join(out, 'manifest.jsonl'), `${JSON.stringify(submitted)}\n`)
  const again = await batch(t, [file, '--out', out, '--url', url])
  t.assert.match(again.stdout, /^0 of 1 completed, 1 failed/)
  t.assert.match(
    again.stderr,
    /line 1: failed: There is no image in the result\. .*\nThe image img_\w+ has been deleted\./,
  )
})
