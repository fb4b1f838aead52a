import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startPostgres } from '../postgres.ts'
import { startRedis } from '../redis.ts'
import { startService } from '../service.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { waitFor } from '../wait-for.ts'
import { toolCall } from './processes.ts'
import { type Prometheus, startPrometheus } from './prometheus.ts'

/** The service under a mixed load, scraped by a real Prometheus every second. */

const SCRAPE_MS = 1_000

const deployments = [
  { name: 'gpt-image-2', priority: 1 },
  { name: 'FLUX.2-pro' },
  // Its price is not known.
  { name: 'MAI-Image-2.7-Flash' },
]

const policy = {
  mode: 'enforce',
  rules: [
    { name: 'design', callers: ['design'], usd_per_day: 40, price_unknown_usd: 0.05 },
    { name: 'intern', callers: ['intern'], models: ['FLUX.2-pro'], usd_per_day: 1 },
  ],
}

const keys = { design: 'key-of-design-0123456789abcdef', intern: 'key-of-intern-0123456789abcdef' }

export interface ObservedService extends Prometheus {
  url: string
  /** One round of calls of every kind. */
  playRound(): Promise<void>
}

export async function observeService(t: TestContext): Promise<ObservedService> {
  const folder = await temporaryFolder(t)
  const file = async (name: string, content: unknown) => {
    const path = join(folder, name)
    await writeFile(path, JSON.stringify(content))
    return path
  }
  const redis = await startRedis(t)
  const postgres = await startPostgres()
  t.after(() => postgres[Symbol.asyncDispose]())
  const { url, simulator } = await startService(
    t,
    {
      AZURE_DEPLOYMENT_NAME: undefined,
      AZURE_DEPLOYMENTS_FILE: await file('deployments.json', { deployments }),
      POLICY_FILE: await file('policy.json', policy),
      MCP_API_KEYS: Object.entries(keys)
        .map(([name, key]) => `${name}:${key}`)
        .join(),
      TOOL_CALLS_PER_MINUTE: '600',
      SERVER_SECRET: 's'.repeat(32),
      REDIS_URL: redis.url,
      DATABASE_URL: await postgres.createDatabase(),
    },
    { latencyMs: 150, rpm: 600 },
  )
  const prometheus = await startPrometheus(t, [url], { hasAlerts: true })
  return { url, ...prometheus, playRound: () => playRound(url, simulator) }
}

type Simulator = Awaited<ReturnType<typeof startService>>['simulator']

async function playRound(url: string, simulator: Simulator): Promise<void> {
  const call = async (
    name: string,
    args: object,
    { key = keys.design, signal }: { key?: string; signal?: AbortSignal } = {},
  ) => {
    const response = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: JSON.stringify(toolCall(name, args)),
      ...(signal === undefined ? {} : { signal }),
    })
    return await response.text()
  }
  const unique = () => Math.random().toString(36).slice(2)
  const generate = (model: string, prompt = 'A lighthouse', more: object = {}) =>
    call('generate_image', { prompt: `${prompt} ${unique()}`, model, size: '1024x1024', return: 'preview', ...more })

  simulator.faults.next(1, { name: 'rate-limit', ms: 100 }, { deployment: 'gpt-image-2' })
  const made = await Promise.all([
    ...deployments.map(({ name }) => generate(name)),
    generate('gpt-image-2', 'fault:content-filter'),
    generate('FLUX.2-pro', 'fault:server-error'),
    generate('gpt-image-2', 'A harbour', { job: true }),
    generate('gpt-image-2', 'A harbour', { output_path: 'harbour.png' }),
    call('generate_image', { prompt: 'Not for interns', model: 'gpt-image-2' }, { key: keys.intern }),
    call('generate_image', { prompt: `A gull ${unique()}`, model: 'FLUX.2-pro' }, { key: keys.intern }),
    call('find_images', {}),
    call('list_models', {}, { key: 'not-a-key' }),
    openai(url),
  ])
  const id = /img_\w{26}/.exec(made[0] ?? '')?.[0] ?? ''
  const link = /http\S+\/images\/[^\s"\\]+/.exec(await call('get_image', { id, as: 'link' }))?.[0]
  if (link !== undefined) await (await fetch(link)).arrayBuffer()
  await disconnectDuring(simulator, (signal) =>
    call('generate_image', { prompt: `A pier ${unique()}`, model: 'FLUX.2-pro', size: '512x512' }, { signal }),
  )
}

async function openai(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/images/generations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${keys.design}` },
    body: JSON.stringify({ prompt: `A quay ${Math.random()}`, model: 'FLUX.2-pro', size: '1024x1024' }),
  })
  return await response.text()
}

/** A client that disconnects while Azure works; what it paid for is stored. */
async function disconnectDuring(simulator: Simulator, start: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const client = new AbortController()
  const before = simulator.requests.length
  const release = simulator.hold()
  try {
    const call = start(client.signal).catch(() => 'disconnected')
    const isSent = waitFor('the request at Azure', () => simulator.requests.length > before)
    // A call that returned while Azure is held was rejected.
    const early = await Promise.race([isSent, call])
    if (typeof early === 'string') throw new Error(early)
    client.abort()
    await call
  } finally {
    release()
  }
  await pause(SCRAPE_MS)
}
