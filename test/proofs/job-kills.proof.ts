import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type ServerProcess, startServer } from '../../bench/server-process.ts'
import type { Proof } from '../../scripts/prove.ts'
import { createSimulator, type Simulator } from '../../simulator/app.ts'
import { eagerJobTiming } from '../support/eager-jobs.ts'
import { getJob, startNeighbours, submitJob } from '../support/system/replicas.ts'
import { waitFor } from '../support/wait-for.ts'

/**
 * Three replicas and a worker run 300 jobs for a minute, while one process after the other is killed and replaced, or stopped
 * and woken up: no job is sent twice, every job ends as completed or unknown, only a kill makes one unknown, and every
 * completed one has its image.
 */

const JOBS = 300
const SECONDS = 60
const PROCESSES = 4
/** Turns that a process has at once. */
const MAX_RUNNING = 16
const LATENCY_MS = 1_500
const key = 'simulated-key'
const deployment = 'FLUX.1-Kontext-pro'

interface Run {
  say(line: string): void
  environment: Record<string, string>
  processes: ServerProcess[]
  kills: number
  stops: number
}

export const prove: Proof = async ({ share, say }) => {
  await using stack = new AsyncDisposableStack()
  const jobs = Math.round(JOBS * share)
  const seconds = Math.max(15, SECONDS * share)
  const simulator = createSimulator({
    apiKeys: [key],
    deployments: { [deployment]: { model: deployment, rpm: 1_000_000 } },
    latencyMs: LATENCY_MS,
  })
  const azure = await simulator.listen({ host: '127.0.0.1', port: 0 })
  stack.defer(() => simulator.close())
  const neighbours = stack.use(await startNeighbours())
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const environment = {
    ...(await neighbours.environment()),
    AZURE_BASE_URL: azure,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: deployment,
    // So that jobs wait until the end.
    AZURE_REQUESTS_PER_MINUTE: String(Math.round((jobs / seconds) * 60 * 1.2)),
    RATE_LIMIT_PER_MINUTE: '0',
    MAX_EVENT_LOOP_DELAY_MS: '60000',
    LOG_LEVEL: 'fatal',
    IMAGES_DIR: folder,
  }
  const run: Run = { say, environment, processes: [], kills: 0, stops: 0 }
  stack.defer(async () => {
    for (const each of run.processes) await end(each)
  })
  run.processes = await Promise.all(Array.from({ length: PROCESSES }, (_, at) => start(run, at)))
  await isReady(run)

  const prompts = Array.from({ length: jobs }, (_, at) => `image ${at}`)
  const ids: string[] = []
  for (const [at, prompt] of prompts.entries()) ids.push(await submitJob(replicaAt(run, at), prompt))
  await disturb(run, performance.now() + seconds * 1000)
  const outcomes = await outcomesOf(run, ids)
  return judge(run, prompts, outcomes, simulator)
}

/** The last one is the worker. */
async function start({ environment }: Run, at: number): Promise<ServerProcess> {
  const role: Record<string, string> = at === PROCESSES - 1 ? { WORKER: 'yes' } : {}
  return await startServer({
    args: ['test/support/system/eager-replica.ts'],
    limitMs: 90_000,
    environment: (port) => ({ ...environment, ...role, MCP_SERVER_PORT: String(port) }),
  })
}

async function end(each: ServerProcess): Promise<void> {
  signal(each, 'SIGCONT')
  await each.kill()
}

function signal({ pid }: ServerProcess, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended.
  }
}

function replicaAt({ processes }: Run, at: number): { url: string } {
  const found = processes[at % (PROCESSES - 1)]
  if (found === undefined) throw new Error('no replica')
  return { url: found.origin }
}

async function isReady({ processes }: Run): Promise<void> {
  for (const { origin } of processes) {
    await waitFor('the queue', async () => Object(await (await fetch(`${origin}/ready`)).json()).jobs === 'shared')
  }
}

/** Kills and replaces, or stops and wakes up, one process after the other, and sometimes two at once. */
async function disturb(run: Run, until: number): Promise<void> {
  const disturbOne = async (at: number) => {
    const victim = run.processes[at]
    if (victim === undefined) return
    if (Math.random() < 0.5) {
      run.kills++
      await victim.kill()
      run.processes[at] = await start(run, at)
    } else {
      run.stops++
      signal(victim, 'SIGSTOP')
      // Shorter and longer than it takes until others take it for dead.
      await pause(500 + Math.random() * 2 * eagerJobTiming.silentMs)
      signal(victim, 'SIGCONT')
    }
  }
  while (performance.now() < until) {
    const at = Math.floor(Math.random() * PROCESSES)
    const victims = Math.random() < 0.3 ? [at, (at + 1) % PROCESSES] : [at]
    await Promise.all([...victims.map(disturbOne), pause(1_500)])
  }
}

type End = 'completed' | 'unknown' | `other: ${string}`

async function outcomesOf(run: Run, ids: readonly string[]): Promise<End[]> {
  const outcomes: End[] = []
  for (const [at, id] of ids.entries()) {
    const end = await waitFor(
      `the end of job ${at}`,
      async () => {
        const { images, isError, text } = await getJob(replicaAt(run, at), id, 5_000)
        if (images.length > 0) return images.length === 1 ? 'completed' : 'other: several images'
        if (!isError) return undefined
        return text.includes('may have been generated and billed') ? 'unknown' : (`other: ${text}` as const)
      },
      { limitMs: 120_000 },
    )
    outcomes.push(end)
  }
  return outcomes
}

function judge(run: Run, prompts: readonly string[], outcomes: readonly End[], { requests }: Simulator): boolean {
  const sent = new Map<unknown, number>()
  for (const { fields } of requests) sent.set(fields.prompt, (sent.get(fields.prompt) ?? 0) + 1)
  const count = (end: End) => outcomes.filter((each) => each === end).length
  const faults = prompts.flatMap((prompt, at) => {
    const times = sent.get(prompt) ?? 0
    const outcome = outcomes[at] ?? 'other: none'
    const isWrong = times > 1 || outcome.startsWith('other') || (outcome === 'completed' && times !== 1)
    return isWrong ? [`${prompt}: sent ${times} times, ${outcome}`] : []
  })
  const unknown = count('unknown')
  run.say(
    `${run.kills} kills and ${run.stops} stops of ${PROCESSES} processes; ${prompts.length} jobs: ` +
      `${count('completed')} completed, ${unknown} unknown (limit ${run.kills * MAX_RUNNING}), ` +
      `${[...sent.values()].filter((times) => times > 1).length} sent twice (limit 0)`,
  )
  for (const fault of faults.slice(0, 20)) run.say(`FAULT ${fault}`)
  return faults.length === 0 && unknown <= run.kills * MAX_RUNNING && run.kills + run.stops > 0
}
