import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Fault } from '../../simulator/fault.ts'
import { createCertificate } from '../support/certificate.ts'
import { fakeAzure } from '../support/fake-azure.ts'
import { startProcess } from '../support/process.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { expectFault, type FaultName } from '../support/system/faults.ts'
import { startPrometheus } from '../support/system/prometheus.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Faults of Azure and of its configuration, each of a deployment of its own, as docs/faults.md describes them. */

const MODEL = 'FLUX.1-Kontext-pro'

/** Played by the simulator. */
const played: Partial<Record<FaultName, Fault>> = {
  'keys disabled': 'key-disabled',
  firewall: 'forbidden',
  'deployment missing': 'deployment-gone',
  retired: 'retired',
  'spending limit': 'spending-limit',
  'account blocked': 'account-block',
  'server error': 'server-error',
  unavailable: 'unavailable',
  gateway: 'bad-gateway-html',
  'response lost': 'reset',
  timeout: 'silent',
  'rate limit': { name: 'rate-limit', ms: 1_000 },
  'no capacity': 'capacity',
  'content filter': 'content-filter',
}

/** Caused by what the entry of the deployment says. */
const misconfigured = (tlsUrl: string): Partial<Record<FaultName, object>> => ({
  'wrong key': { key: 'no-key-of-azure' },
  'api version': { model: 'gpt-image-2', dialect: 'v1', api_version: '2024-10-21' },
  'wrong address': { api_version: '2020-01-01' },
  'invalid certificate': { base_url: tlsUrl, key },
  'connection refused': { base_url: 'http://127.0.0.1:9', key },
  'unknown host': { base_url: 'http://no-such-host.invalid', key },
  'no token': { auth: 'entra' },
})

const deploymentOf = (name: string) => name.replaceAll(' ', '-')

test('each fault of Azure has one name in the log, /ready, the metrics and the alert', async (t: TestContext) => {
  const names = Object.keys(played)
  const { simulator, url: azure } = await startSimulator(t, {
    deployments: {
      ...Object.fromEntries(['wrong-address', ...names.map(deploymentOf)].map((name) => [name, MODEL])),
      'api-version': 'gpt-image-2',
      working: 'FLUX.2-pro',
    },
  })
  for (const [name, fault] of Object.entries(played)) simulator.faults.always(deploymentOf(name), fault)
  const { certificate: cert, key: privateKey } = createCertificate()
  const { url: tlsUrl } = await fakeAzure(t, (_request, response) => response.end(), { cert, key: privateKey })
  const faults = { ...Object.fromEntries(names.map((name) => [name, {}])), ...misconfigured(tlsUrl) }
  const entries = Object.entries(faults).map(([name, entry]) => ({ name: deploymentOf(name), ...entry }))
  const file = join(await temporaryFolder(t), 'deployments.json')
  const deployments = [
    { name: 'working', model: 'FLUX.2-pro', priority: 1 },
    ...entries.map((entry) => ({ model: MODEL, dialect: 'deployments', ...entry })),
  ]
  await writeFile(file, JSON.stringify({ deployments }))
  const service = await startProcess(t, {
    AZURE_BASE_URL: azure,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: undefined,
    AZURE_DEPLOYMENTS_FILE: file,
    CALL_DEADLINE_MS: '15000',
    MAX_QUEUE_WAIT_MS: '3000',
    TOOL_CALLS_PER_MINUTE: '0',
    RATE_LIMIT_PER_MINUTE: '0',
    // The identity library finds nothing.
    HOME: await temporaryFolder(t),
    AZURE_TENANT_ID: '00000000-0000-0000-0000-000000000000',
    AZURE_CLIENT_ID: '00000000-0000-0000-0000-000000000000',
    AZURE_CLIENT_SECRET: 'no secret',
    AZURE_AUTHORITY_HOST: 'https://127.0.0.1:9',
  })
  const prometheus = await startPrometheus(t, [service.url], { hasAlerts: true })
  const call = (model: string, more: object = {}) =>
    callTool(service.url, 'generate_image', { prompt: 'A quay', model, ...more })
  await Promise.all(
    Object.keys(faults).map(async (name) => {
      const deployment = deploymentOf(name)
      const cause = () => Promise.all([1, 2, 3, 4].map(() => call(deployment)))
      await expectFault(name as FaultName, { service, prometheus, deployment, cause })
    }),
  )
  t.assert.equal((await call('working', { size: '256x256' })).isError, false)
  const alerts = (await prometheus.firing()).map(({ labels }) => `${labels.alertname} ${labels.deployment}`)
  // Clients cause it, and no operator is woken.
  t.assert.deepEqual(
    alerts.filter((alert) => alert.endsWith('content-filter')),
    ['AzureRejectingContent content-filter'],
  )
  t.assert.deepEqual(
    alerts.filter((alert) => alert.endsWith('working')),
    [],
  )
})
