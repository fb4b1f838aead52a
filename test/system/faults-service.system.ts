import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createCertificate } from '../support/certificate.ts'
import { freePorts } from '../support/free-ports.ts'
import { startProcess } from '../support/process.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { expectFault } from '../support/system/faults.ts'
import { startPrometheus } from '../support/system/prometheus.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** Faults of files, load and processes, as docs/faults.md describes them. */

const MODEL = 'FLUX.2-pro'
const DAY_MS = 86_400_000

/** Preloaded: half an hour passes with the signal. */
const clock = `
  const RealDate = Date
  let ahead = 0
  globalThis.Date = class extends RealDate {
    constructor(...when) { super(...(when.length === 0 ? [RealDate.now() + ahead] : when)) }
    static now() { return RealDate.now() + ahead }
  }
  process.on('SIGWINCH', () => { ahead += 31 * 60e3 })
`

/** Preloaded: the event loop is blocked most of the time. */
const busy = `
  setInterval(() => {
    const end = performance.now() + 150
    while (performance.now() < end);
  }, 1)
`

const preloaded = (script: string) => ['--import', `data:text/javascript,${encodeURIComponent(script)}`]

test('each fault of files, load and jobs has one name in the log, /ready, the metrics and the alert', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const write = async (name: string, content: string) => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  const { certificate, key: privateKey } = createCertificate()
  const retires = new Date(Date.now() + 10 * DAY_MS).toISOString().slice(0, 10)
  const { simulator, url: azure } = await startSimulator(t)
  const service = await startProcess(
    t,
    {
      AZURE_BASE_URL: azure,
      AZURE_API_KEY: undefined,
      AZURE_API_KEY_FILE: await write('key', key),
      AZURE_DEPLOYMENT_NAME: MODEL,
      AZURE_MODELS_FILE: await write('models.json', JSON.stringify({ models: [{ id: MODEL, retires }] })),
      AZURE_CLIENT_CERTIFICATE_PATH: await write('certificate.pem', certificate + privateKey),
      POLICY_FILE: await write('policy.json', JSON.stringify({ mode: 'observe', rules: [{ max_n: 1 }] })),
      MAX_BUFFERED_BYTES: '1000',
      RATE_LIMIT_PER_MINUTE: '0',
      TOOL_CALLS_PER_MINUTE: '0',
    },
    preloaded(clock),
  )
  const seen = { service, prometheus: await startPrometheus(t, [service.url], { hasAlerts: true }) }
  const generate = (more: object) =>
    callTool(service.url, 'generate_image', { prompt: 'A quay', size: '256x256', ...more })

  simulator.faults.next(2, { name: 'drip', ms: 200 })
  const slow = [generate({}), generate({})]
  await expectFault('buffers full', seen)
  await Promise.all(slow)

  // As many run at once as are held; the last one stays queued.
  const release = simulator.hold()
  for (let n = 0; n < 17; n++) await generate({ prompt: `A quay ${n}`, job: true })
  service.child.kill('SIGWINCH')
  await write('policy.json', '{')
  await write('key', '')
  await Promise.all([
    expectFault('jobs waiting', seen),
    expectFault('policy file', seen),
    expectFault('secret file', { ...seen, variable: 'AZURE_API_KEY_FILE' }),
    expectFault('certificate ending', seen),
    expectFault('model retiring', { ...seen, deployment: MODEL }),
  ])
  release()
})

test('a process that is overloaded, gone or restarted again and again fires alerts', async (t: TestContext) => {
  const [port] = await freePorts(1)
  const start = () => startProcess(t, { MCP_SERVER_PORT: String(port) })
  let service = await start()
  const slow = await startProcess(t, { MAX_EVENT_LOOP_DELAY_MS: '60' }, preloaded(busy))
  const prometheus = await startPrometheus(t, [service.url, slow.url], { hasAlerts: true })
  const isUp = () => waitFor('a scrape', async () => (await prometheus.query('up == 1')).length === 2)
  const isOverloaded = expectFault('overloaded', { service: slow, prometheus })
  for (let restart = 0; restart < 3; restart++) {
    service.child.kill('SIGKILL')
    await service.ended
    await expectFault('process gone', { service, prometheus })
    service = await start()
    await isUp()
  }
  await expectFault('restarting', { service, prometheus })
  await isOverloaded
})
