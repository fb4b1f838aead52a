import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { moneyFaults } from '../../scripts/faults/money.ts'
import { startProcess } from '../support/process.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { expectFault } from '../support/system/faults.ts'
import { startPrometheus } from '../support/system/prometheus.ts'
import { submitJob } from '../support/system/replicas.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** What costs money, or may have, as docs/faults.md describes it. */

const MODEL = 'FLUX.2-pro'

/** What a process at another address has reported, an interval apart, the last time an interval ago. */
function historyOf(name: string, labels: string, seconds: number, values: readonly number[]): string {
  const now = Math.floor(Date.now() / 1000 / seconds)
  const series = `${name}{job="azure-image-editor",instance="earlier:8000"${labels}}`
  const samples = values.map((value, at) => `${series} ${value} ${(now - values.length + at) * seconds}`)
  return [...samples, '# EOF', ''].join('\n')
}

test('spending, a budget and a price that is missing have one name in the log, /ready, the metrics and the alert', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const write = async (name: string, content: object) => {
    await writeFile(join(folder, name), JSON.stringify(content))
    return join(folder, name)
  }
  const { simulator, url } = await startSimulator(t, { deployments: { dear: MODEL, new: MODEL } })
  const service = await startProcess(t, {
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: undefined,
    AZURE_DEPLOYMENTS_FILE: await write('deployments.json', {
      deployments: [
        { name: 'dear', model: MODEL },
        { name: 'new', model: 'flux.2-of-next-year' },
      ],
    }),
    // Three dollars an image.
    AZURE_MODELS_FILE: await write('models.json', {
      models: [{ id: MODEL, price: { as_of: '2026-11-01', megapixel_in: 3, megapixel_out: 3 } }],
    }),
    POLICY_FILE: await write('policy.json', {
      rules: [{ name: 'everyone', usd_per_day: 10, price_unknown_usd: 0.5 }],
    }),
  })
  // A day in which an hour cost ten cents.
  const hours = Array.from({ length: 24 }, (_, hour) => hour / 10)
  const history = historyOf('image_mcp_azure_cost_usd_total', '', 3_600, hours)
  const prometheus = await startPrometheus(t, [service.url], { hasAlerts: true, history })
  const call = (model: string) =>
    callTool(service.url, 'generate_image', { prompt: 'A quay', size: '1024x1024', model })
  const names = ['price unknown', 'spending high', 'budget nearly used'] as const
  const alerts = new Set<string>(names.map((name) => moneyFaults[name].alert))
  const firing = async () => (await prometheus.firing()).map(({ labels }) => labels.alertname ?? '')
  t.assert.ok(alerts.isDisjointFrom(new Set(await firing())))
  // Half a dollar, then three that may have been billed, and six.
  t.assert.equal((await call('new')).isError, false)
  simulator.faults.next(1, 'reset')
  t.assert.match((await call('dear')).text, /may have been generated and billed/)
  for (let image = 0; image < 2; image++) t.assert.equal((await call('dear')).isError, false)
  await Promise.all(names.map((name) => expectFault(name, { service, prometheus })))
  t.assert.match(service.log, /"outcome":"unknown".*"msg":"receipt"/)
  await t.assert.rejects(call('dear'), /budget of rule everyone/)
})

test('a job whose process is lost has one name in the log, the metrics and the alert', async (t: TestContext) => {
  const { simulator, url } = await startSimulator(t)
  const environment = { AZURE_BASE_URL: url, AZURE_API_KEY: key, IMAGES_DIR: await temporaryFolder(t) }
  const replica = { script: join(import.meta.dirname, '../support/system/eager-replica.ts') }
  const first = await startProcess(t, environment, [], replica)
  await submitJob(first, 'A quay fault:slow=60000')
  await waitFor('the request', () => simulator.requests.length === 1)
  first.child.kill('SIGKILL')
  await first.ended
  const service = await startProcess(t, environment, [], replica)
  const history = historyOf('image_mcp_jobs', ',state="unknown"', 60, Array(30).fill(0))
  const prometheus = await startPrometheus(t, [service.url], { hasAlerts: true, history })
  await expectFault('outcome unknown', { service, prometheus })
  t.assert.equal(simulator.requests.length, 1)
})
