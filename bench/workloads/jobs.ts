import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { callTool } from '../../test/support/service.ts'
import { readiness, startNeighbours } from '../../test/support/system/replicas.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { formatPrompt } from '../prompt-codec.ts'
import { startServer } from '../server-process.ts'
import { quantile } from '../statistics.ts'
import { type Effort, scaled } from '../workload.ts'

export const JOBS_NAME = 'a job on Redis and Postgres beyond the same call'
const CALLS = 300
const WARM_UPS = 50
const IMAGE_BYTES = 50_000
const target = 'p50 ≤ 10 ms'

/**
 * What a job takes longer than the same call without one, from its submission until its result is read: two requests, its
 * row, its turn, and the image, which is read back from the store. Azure responds at once.
 */
export async function benchmarkJobs(entry: string, effort: Effort, say: (text: string) => void): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-bench-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const neighbours = stack.use(await startNeighbours())
  const environment = await neighbours.environment()
  const azure = await startServer({
    args: [join(import.meta.dirname, '../servers/azure.ts')],
    environment: (port) => ({ PORT: String(port) }),
  })
  stack.defer(() => azure.stop())
  const service = await startServer({
    args: [entry],
    environment: (port) => ({
      ...environment,
      SERVER_SECRET: randomUUID(),
      AZURE_BASE_URL: azure.origin,
      AZURE_API_KEY: 'benchmark',
      AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
      AZURE_REQUESTS_PER_MINUTE: '100000',
      RATE_LIMIT_PER_MINUTE: '0',
      LOG_LEVEL: 'fatal',
      IMAGES_DIR: folder,
      MCP_SERVER_PORT: String(port),
    }),
  })
  stack.defer(() => service.stop())
  await waitFor('the queue', async () => (await readiness({ url: service.origin })).jobs === 'shared')

  const args = { prompt: formatPrompt({ response: IMAGE_BYTES, input: 0, delayMs: 0 }) }
  const asCall = async () => await callTool(service.origin, 'generate_image', args)
  const asJob = async () => {
    const { text } = await callTool(service.origin, 'generate_image', { ...args, job: true })
    const [job_id] = /job_[0-9a-f]{32}/.exec(text) ?? []
    return await callTool(service.origin, 'get_job', { job_id, wait_ms: 10_000 })
  }
  const times = { call: [] as number[], job: [] as number[] }
  for (let at = -scaled(WARM_UPS, effort); at < scaled(CALLS, effort); at++) {
    for (const [kind, run] of [
      ['call', asCall],
      ['job', asJob],
    ] as const) {
      const startedAt = performance.now()
      const { images, text } = await run()
      if (images.length !== 1) throw new Error(`no image: ${text}`)
      if (at >= 0) times[kind].push(performance.now() - startedAt)
    }
  }
  const beyond = times.job.map((ms, at) => ms - (times.call[at] ?? 0))
  say(`${row('the call', times.call, '')}${row('the job', times.job, '')}${row(JOBS_NAME, beyond, target)}`)
}

function row(name: string, times: readonly number[], goal: string): string {
  return `| ${name} | p50 ${quantile(times, 0.5).toFixed(1)} ms | p99 ${quantile(times, 0.99).toFixed(1)} ms | ${goal} |\n`
}
