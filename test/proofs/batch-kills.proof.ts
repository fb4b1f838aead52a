import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Proof } from '../../scripts/prove.ts'
import { createSimulator, type Simulator } from '../../simulator/app.ts'
import { freePorts } from '../support/free-ports.ts'
import { waitFor } from '../support/wait-for.ts'

/**
 * Batches are killed at random moments and started again, with a service of their own (with and without a library) and with a
 * running one that is killed as well: no line is sent to Azure twice, and each ends as completed, or as unknown where a kill
 * came between its request and its result.
 */

const LINES = 60
const KILLS = 10
const LATENCY_MS = 400
const key = 'simulated-key'
const executable = join(import.meta.dirname, '../../bin/azure-image-editor-mcp.js')

interface World {
  name: string
  say(line: string): void
  simulator: Simulator
  folder: string
  environment: Record<string, string>
  lines: number
  kills: number
}

export const prove: Proof = async ({ share, say }) => {
  const sizes = { lines: Math.max(10, Math.round(LINES * share)), kills: Math.max(3, Math.round(KILLS * share)) }
  const worlds = [
    { name: 'own service', variables: { LIBRARY: 'on' } },
    { name: 'own service without a library', variables: { LIBRARY: 'off' } },
    { name: 'running service', variables: { LIBRARY: 'on' }, isRunning: true },
  ]
  const held = worlds.map(async ({ name, variables, isRunning = false }) => {
    await using stack = new AsyncDisposableStack()
    const simulator = createSimulator({ apiKeys: [key], latencyMs: LATENCY_MS, rpm: 1_000_000 })
    const azure = await simulator.listen({ host: '127.0.0.1', port: 0 })
    stack.defer(() => simulator.close())
    const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
    stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    const environment = {
      ...variables,
      PATH: process.env.PATH ?? '',
      AZURE_BASE_URL: azure,
      AZURE_API_KEY: key,
      AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
      AZURE_REQUESTS_PER_MINUTE: '100000',
      MAX_EVENT_LOOP_DELAY_MS: '60000',
      LOG_LEVEL: 'fatal',
      IMAGES_DIR: join(folder, 'images'),
    }
    return await run({ name, say, simulator, folder, environment, ...sizes }, isRunning, stack)
  })
  return (await Promise.all(held)).every(Boolean)
}

async function run(world: World, isRunning: boolean, stack: AsyncDisposableStack): Promise<boolean> {
  const { folder, lines, kills, simulator, say, name } = world
  const prompts = join(folder, 'prompts.jsonl')
  await writeFile(prompts, Array.from({ length: lines }, (_, at) => `"image ${at}"\n`).join(''))
  const [port] = isRunning ? await freePorts(1) : []
  const args = ['batch', prompts, '--out', join(folder, 'out'), '--concurrency', '3']
  const batch = () => start(world, [...args, ...(port === undefined ? [] : ['--url', `http://127.0.0.1:${port}`])])
  const serve = async () => {
    const child = start(world, [], { MCP_SERVER_PORT: String(port), MCP_SERVER_HOST: '127.0.0.1' })
    stack.defer(() => kill(child))
    await waitFor('the service', async () => (await fetch(`http://127.0.0.1:${port}/health`)).ok)
    return child
  }
  let service = isRunning ? await serve() : undefined
  for (let at = 0; at < kills; at++) {
    const child = batch()
    stack.defer(() => kill(child))
    const seen = simulator.requests.length
    // Some while the batch starts, most while lines are under way.
    const until = performance.now() + 20_000
    while (at > 0 && simulator.requests.length === seen && performance.now() < until && child.exitCode === null)
      await pause(20)
    await pause(Math.random() * 2 * LATENCY_MS)
    await kill(child)
    if (service !== undefined && at % 2 === 0) {
      await kill(service)
      service = await serve()
    }
  }
  const last = batch()
  stack.defer(() => kill(last))
  await Promise.race([once(last, 'exit'), pause(240_000, undefined, { ref: false })])
  if (last.exitCode === null) say(`${name}: the last run has not ended`)
  return await judge(world)
}

async function judge({ name, say, simulator, folder, lines }: World): Promise<boolean> {
  const sent = new Map<string, number>()
  for (const { fields } of simulator.requests) {
    const prompt = String(Object(fields).prompt)
    sent.set(prompt, (sent.get(prompt) ?? 0) + 1)
  }
  const twice = [...sent.values()].filter((count) => count > 1).length
  const ends = new Map<string, string>()
  for (const line of (await readFile(join(folder, 'out/manifest.jsonl'), 'utf8')).trim().split('\n')) {
    // A kill may cut a line off.
    const entry = line.endsWith('}') ? JSON.parse(line) : undefined
    if (entry !== undefined) ends.set(entry.key, entry.status)
  }
  const count = (...states: string[]) => [...ends.values()].filter((state) => states.includes(state)).length
  const [completed, unknown] = [count('completed'), count('unknown', 'sent')]
  say(`${name}: ${lines} lines, ${completed} completed, ${unknown} unknown, ${sent.size} sent, ${twice} sent twice`)
  return twice === 0 && completed + unknown === lines && completed > 0
}

const start = ({ environment, folder }: World, args: readonly string[], more: Record<string, string> = {}) =>
  spawn(process.execPath, [executable, ...args], { cwd: folder, env: { ...environment, ...more }, stdio: 'ignore' })

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
