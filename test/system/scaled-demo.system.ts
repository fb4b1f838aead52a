import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import Type from 'typebox'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { AZURITE_ACCOUNT, AZURITE_KEY } from '../support/azurite.ts'
import { freePorts } from '../support/free-ports.ts'
import { idIn } from '../support/library-round.ts'
import { callTool } from '../support/service.ts'
import { listeningAddresses, processTree, stillRunning } from '../support/system/process-tree.ts'
import { requireProgram, root } from '../support/system/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const script = join(root, 'scripts/scaled-demo.ts')

async function startDemo(t: TestContext) {
  for (const program of ['nginx', 'redis-server', 'prometheus']) await requireProgram(program)
  const temporary = await temporaryFolder(t)
  // Postgres has a user of its own.
  await chmod(temporary, 0o755)
  const [port, prometheusPort] = await freePorts(2)
  const demo = spawn(process.execPath, [script], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: temporary,
      PORT: String(port),
      PROMETHEUS_PORT: String(prometheusPort),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(demo, 'exit')
  t.after(async () => {
    demo.kill('SIGTERM')
    await ended
  })
  let printed = ''
  demo.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  await Promise.race([
    waitFor('the demo', () => printed.includes('Ctrl-C'), { limitMs: 300_000 }),
    ended.then(([code]) => Promise.reject(new Error(`the demo ended with ${code}`))),
  ])
  const [, azurite = ''] = /Azurite +(http:\S+)/.exec(printed) ?? []
  return {
    demo,
    ended,
    temporary,
    azurite,
    url: `http://127.0.0.1:${port}`,
    replicas: [...printed.matchAll(/(http:\S+) \(process \d+\)/g)].map(([, url = '']) => url),
    prometheus: `http://127.0.0.1:${prometheusPort}`,
  }
}

const HealthSchema = Type.Object({ health: Type.String() })
const TargetsSchema = Type.Object({ data: Type.Object({ activeTargets: Type.Array(HealthSchema) }) })
const RulesSchema = Type.Object({
  data: Type.Object({ groups: Type.Array(Type.Object({ rules: Type.Array(HealthSchema) })) }),
})

/** What Prometheus reports about each target and each rule. */
async function observedBy(prometheus: string): Promise<{ targets: string[]; rules: string[] }> {
  const ask = async (path: string): Promise<unknown> => (await fetch(`${prometheus}/api/v1/${path}`)).json()
  const { data: found } = Value.Parse(TargetsSchema, await ask('targets'))
  const { data: loaded } = Value.Parse(RulesSchema, await ask('rules'))
  return {
    targets: found.activeTargets.map(({ health }) => health),
    rules: loaded.groups.flatMap(({ rules }) => rules.map(({ health }) => health)),
  }
}

test('one command starts the whole stack, whose replicas share jobs and images, and stops it', {
  timeout: 1_200_000,
}, async (t: TestContext) => {
  const { demo, ended, temporary, url, azurite, replicas, prometheus } = await startDemo(t)
  t.assert.strictEqual(replicas.length, 3)

  const job = await callTool(url, 'generate_image', { prompt: 'a red fox', job: true })
  const job_id = /job_[0-9a-f]{32}/.exec(job.text)?.[0] ?? ''
  for (const replica of replicas) {
    const result = await waitFor('the result', async () => {
      const { images } = await callTool(replica, 'get_job', { job_id, wait_ms: 20_000 })
      return images.length > 0 && images
    })
    t.assert.strictEqual(result.length, 1)
  }

  const [first = '', ...others] = replicas
  const made = await callTool(first, 'generate_image', { prompt: 'a lighthouse', output_path: 'lighthouse.png' })
  const container = new ContainerClient(azurite, new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY))
  t.assert.deepStrictEqual(await container.getBlobClient('lighthouse.png').downloadToBuffer(), made.images[0])
  for (const replica of others) {
    const found = await callTool(replica, 'get_image', { id: idIn(made.text), as: 'image' })
    t.assert.deepStrictEqual(found.images, made.images)
  }

  const shipped = parse(await readFile(join(root, 'deploy/prometheus/alerts.yml'), 'utf8'))
  const expected = { targets: Array(3).fill('up'), rules: shipped.groups[0].rules.map(() => 'ok') }
  await waitFor(
    'Prometheus to have scraped all replicas and evaluated all rules',
    async () => isDeepStrictEqual(await observedBy(prometheus), expected),
    { limitMs: 300_000 },
  )

  const processes = await processTree(demo.pid ?? 0)
  const addresses = await listeningAddresses(processes)
  t.assert.ok(addresses.length >= 9, `${addresses}`)
  t.assert.deepStrictEqual(
    addresses.filter((address) => !address.startsWith('0100007F:')),
    [],
  )

  demo.kill('SIGINT')
  t.assert.deepStrictEqual(await ended, [0, null])
  await waitFor('the end of all processes', async () => (await stillRunning(processes)).length === 0)
  t.assert.deepStrictEqual(await readdir(temporary), [])
})

test('the demo names what is not installed, and the script that installs it', async (t: TestContext) => {
  const demo = spawn(process.execPath, [script], { env: { PATH: '/nowhere' }, stdio: ['ignore', 'ignore', 'pipe'] })
  const [errors, [code]] = await Promise.all([demo.stderr.toArray(), once(demo, 'close')])
  t.assert.match(
    Buffer.concat(errors).toString(),
    /not installed: redis-server, prometheus\. scripts\/install-test-packages\.sh installs them/,
  )
  t.assert.strictEqual(code, 1)
})
