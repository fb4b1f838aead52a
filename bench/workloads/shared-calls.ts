import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { callTool } from '../../test/support/service.ts'
import { startNeighbours } from '../../test/support/system/replicas.ts'
import { formatPrompt } from '../prompt-codec.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import { median } from '../statistics.ts'
import { type Effort, scaled } from '../workload.ts'

export const SHARED_CALLS_NAME = 'a call with Redis, Postgres and a policy'
const CALLS = 200
const WARM_UPS = 200
const ROUNDS = 7
const IMAGE_BYTES = 50_000

const policy = { rules: [{ name: 'everyone', usd_per_day: 1_000_000, price_unknown_usd: 0.01, max_n: 4 }] }

/**
 * The processor time of a call that waits for its image: of a service alone, of one whose replicas share the quota, and of one
 * that also reserves and settles a budget in Postgres. They take turns, so that other load affects all of them.
 */
export async function benchmarkSharedCalls(entry: string, effort: Effort, say: (text: string) => void): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-bench-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const neighbours = stack.use(await startNeighbours())
  const shared: Record<string, string> = { ...(await neighbours.environment()), SERVER_SECRET: randomUUID() }
  const policyFile = join(folder, 'policy.json')
  await writeFile(policyFile, JSON.stringify(policy))
  const azure = await startServer({
    args: [join(import.meta.dirname, '../servers/azure.ts')],
    environment: (port) => ({ PORT: String(port) }),
  })
  stack.defer(() => azure.stop())

  async function start(variables: Record<string, string>): Promise<ServerProcess> {
    const service = await startServer({
      args: [entry],
      environment: (port) => ({
        AZURE_BASE_URL: azure.origin,
        AZURE_API_KEY: 'benchmark',
        AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
        AZURE_REQUESTS_PER_MINUTE: '100000',
        LOG_LEVEL: 'fatal',
        IMAGES_DIR: folder,
        MCP_SERVER_PORT: String(port),
        ...variables,
      }),
    })
    stack.defer(() => service.stop())
    return service
  }

  const services = [
    { name: 'a call', service: await start({}) },
    { name: 'with Redis', service: await start({ REDIS_URL: shared.REDIS_URL ?? '', SERVER_SECRET: randomUUID() }) },
    { name: 'with Redis, Postgres and a policy', service: await start({ ...shared, POLICY_FILE: policyFile }) },
  ]
  const times = new Map(services.map(({ name }) => [name, [] as number[]]))
  const args = { prompt: formatPrompt({ response: IMAGE_BYTES, input: 0, delayMs: 0 }) }
  for (let round = -1; round < ROUNDS; round++) {
    for (const { name, service } of services) {
      const count = scaled(round < 0 ? WARM_UPS : CALLS, effort)
      const before = service.cpuSeconds()
      for (let at = 0; at < count; at++) {
        const { images, text } = await callTool(service.origin, 'generate_image', args)
        if (images.length !== 1) throw new Error(`no image: ${text}`)
      }
      if (round >= 0) times.get(name)?.push(((service.cpuSeconds() - before) / count) * 1000)
    }
  }
  const base = median(times.get('a call') ?? [])
  for (const [name, values] of times) {
    say(`| ${name} | ${median(values).toFixed(2)} CPU ms | +${(median(values) - base).toFixed(2)} | ≤ +0.5 |\n`)
  }
}
