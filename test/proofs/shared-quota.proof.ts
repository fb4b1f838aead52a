import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type ServerProcess, startServer } from '../../bench/server-process.ts'
import type { Proof } from '../../scripts/prove.ts'
import { createSimulator, type Simulator } from '../../simulator/app.ts'
import { callTool } from '../support/service.ts'
import { startNeighbours, submitJob } from '../support/system/replicas.ts'
import { waitFor } from '../support/wait-for.ts'

/**
 * Three replicas with one deployment, whose quota is 10 requests per minute, in minutes of 6 s. Callers with 200, 90 and 10
 * jobs submit them in this order, spread over the replicas. No request is rejected, the quota is used, and the caller with 10
 * gets a turn in three.
 */

const MINUTE_MS = 6_000
const REQUESTS_PER_MINUTE = 10
const REPLICAS = 3
const JOBS = { much: 200, some: 90, few: 10 }
const deployment = 'FLUX.2-pro'
const key = 'simulated-key'
/** A job takes 5 s, so that several run at once. */
const LATENCY_MS = 5_000

/** Jobs that a client submits at once. */
const LANES = 6

/** The least part of the quota that is used. */
const MIN_USE = 0.9
/** On a busy machine requests may arrive closer together than they were sent: so many of them. */
const MAX_REJECTED = 0.01
/** Turns that had been taken when the last job of a caller was queued, by each of the replicas. */
const SLACK = 2 * REPLICAS

const keyOf = (caller: string) => `key-of-the-caller-${caller}`
const headersOf = (caller: string) => ({ authorization: `Bearer ${keyOf(caller)}` })

export const prove: Proof = async ({ share, say }) => {
  await using stack = new AsyncDisposableStack()
  const { simulator, replicas } = await start(stack)
  // The first request of a process takes longer to arrive than others.
  for (const { origin } of replicas) await callTool(origin, 'generate_image', { prompt: 'warm up' }, headersOf('much'))
  simulator.requests.length = 0
  const counts = Object.entries(JOBS).map(([caller, jobs]) => [caller, Math.max(1, Math.round(jobs * share))] as const)
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  const startedAt = Date.now()
  for (const [caller, count] of counts) await submit(replicas, caller, count)
  const submittedAt = Date.now()
  say(
    `${total} jobs of ${counts.map(([caller, count]) => `"${caller}" (${count})`).join(', ')}, queued in ${submittedAt - startedAt} ms`,
  )
  const accepted = () => simulator.requests.filter(({ status }) => status === 200)
  const limitMs = 60_000 + 2 * total * (MINUTE_MS / REQUESTS_PER_MINUTE)
  await waitFor('every job', () => accepted().length >= total || undefined, { limitMs }).catch(() => {})
  // Nothing may come after the last one.
  await pause(2 * (MINUTE_MS / REQUESTS_PER_MINUTE))
  return judge(simulator, total, counts.at(-1)?.[1] ?? 0, submittedAt, say)
}

async function start(stack: AsyncDisposableStack) {
  const neighbours = stack.use(await startNeighbours())
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
  const simulator = createSimulator({
    deployments: { [deployment]: { model: deployment, rpm: REQUESTS_PER_MINUTE, latencyMs: LATENCY_MS } },
    minuteMs: MINUTE_MS,
  })
  const azure = await simulator.listen({ host: '127.0.0.1', port: 0 })
  stack.defer(() => simulator.close())
  const shared = await neighbours.environment()
  const replicas: ServerProcess[] = []
  for (let count = 0; count < REPLICAS; count++) {
    const replica = await startServer({
      args: ['test/support/system/eager-replica.ts'],
      environment: (port) => ({
        AZURE_BASE_URL: azure,
        AZURE_API_KEY: key,
        AZURE_DEPLOYMENT_NAME: deployment,
        AZURE_REQUESTS_PER_MINUTE: String(REQUESTS_PER_MINUTE),
        AZURE_MINUTE_MS: String(MINUTE_MS),
        MCP_SERVER_PORT: String(port),
        MCP_API_KEYS: Object.keys(JOBS)
          .map((caller) => `${caller}:${keyOf(caller)}`)
          .join(','),
        IMAGES_DIR: folder,
        RATE_LIMIT_PER_MINUTE: '0',
        MAX_EVENT_LOOP_DELAY_MS: '60000',
        LOG_LEVEL: 'warn',
        ...shared,
      }),
    })
    stack.defer(() => replica.stop())
    replicas.push(replica)
  }
  await waitFor('the queues of all replicas', async () => {
    const states = await Promise.all(replicas.map(async ({ origin }) => (await fetch(`${origin}/ready`)).json()))
    return states.every((state) => Object(state).jobs === 'shared') || undefined
  })
  return { simulator, replicas }
}

async function submit(replicas: readonly ServerProcess[], caller: string, count: number): Promise<void> {
  let next = 0
  const lane = async () => {
    for (let at = next++; at < count; at = next++) {
      const url = replicas[at % replicas.length]?.origin ?? ''
      // Rejected while the machine is too busy for the databases; nothing is queued then.
      await waitFor('a job to be queued', () => submitJob({ url }, `${caller} ${at}`, headersOf(caller)))
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

function judge(simulator: Simulator, total: number, few: number, submittedAt: number, say: (line: string) => void) {
  const images = simulator.requests.filter(({ fields }) => fields.prompt !== undefined)
  const rejected = images.filter(({ status }) => status === 429).length
  const accepted = images.filter(({ status }) => status === 200).sort((a, b) => a.startedAt - b.startedAt)
  const prompts = new Set(accepted.map(({ fields }) => fields.prompt))
  const spentMs = (accepted.at(-1)?.startedAt ?? 0) - (accepted[0]?.startedAt ?? 0)
  const use = (accepted.length - 1) / ((spentMs / MINUTE_MS) * REQUESTS_PER_MINUTE)
  const turns = accepted.filter(({ startedAt }) => startedAt > submittedAt)
  const lastTurn = 1 + turns.findLastIndex(({ fields }) => String(fields.prompt).startsWith('few '))
  const maxTurn = few * Object.keys(JOBS).length + SLACK
  say(`${accepted.length} images, ${prompts.size} different ones (wanted ${total} each)`)
  const maxRejected = Math.max(1, Math.floor(MAX_REJECTED * total))
  say(`${rejected} requests rejected with 429, of ${images.length} (limit ${maxRejected}, for a busy machine)`)
  say(`${(100 * use).toFixed(1)} % of the quota used (at least ${100 * MIN_USE} %)`)
  say(`the caller with ${few} had its last turn at turn ${lastTurn} (limit ${maxTurn})`)
  return (
    accepted.length === total &&
    prompts.size === total &&
    rejected <= maxRejected &&
    use >= MIN_USE &&
    lastTurn <= maxTurn
  )
}
