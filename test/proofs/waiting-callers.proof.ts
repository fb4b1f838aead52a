import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { startHealthProbe } from '../../bench/health-probe.ts'
import { type ServerProcess, startServer } from '../../bench/server-process.ts'
import { quantile } from '../../bench/statistics.ts'
import type { Proof } from '../../scripts/prove.ts'
import { plainPng } from '../support/images/images.ts'
import { startRestartableRedis } from '../support/restartable-redis.ts'
import { waitFor } from '../support/wait-for.ts'

/**
 * Thousands of callers wait at three replicas for Azure's quota. Each costs little memory, probes respond meanwhile, and when
 * Azure grants more, every caller gets one response and Azure one request for each.
 */

const CALLERS = 3_000
const REPLICAS = 3
const MAX_BYTES_PER_CALLER = 75 * 1024
const MAX_HEALTH_MS = 100
/** A part of the run has other tests beside it, and too few callers to hide what a process takes for itself. */
const PART_HEALTH_MS = 1_000
const PART_BYTES_PER_REPLICA = 16 * 1024 * 1024
/** Of all callers: the scarce quota holds for all replicas together. */
const MIN_WAITING = 0.95
/** Minutes that the last caller would wait, below the deadline of a call: a longer wait is rejected at once. */
const SCARCE_MINUTES = 5
/** Requests a minute when there is enough for all. */
const PLENTY = 60_000
const WARM_UP_CALLS = 150
const WAIT_MS = 300_000

export const prove: Proof = async ({ share, say }) => {
  const callers = Math.max(150, Math.round(CALLERS * share))
  await using stack = new AsyncDisposableStack()
  const redis = stack.use(await startRestartableRedis())
  const azure = stack.use(await startAzure())
  const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => startReplica(stack, azure.url, redis.url)))
  const origins = replicas.map(({ origin }) => origin)

  azure.limit = PLENTY
  await callMany(origins, WARM_UP_CALLS, 'warm-up')
  azure.limit = Math.ceil(callers / SCARCE_MINUTES)
  // Each replica learns of the scarce quota by a response.
  for (const origin of origins) await call(origin, `scarce ${origin}`)
  const idle = residentBytes(replicas)

  const probes = await Promise.all(origins.map(startHealthProbe))
  const startedAt = performance.now()
  const all = callMany(origins, callers, 'caller')
  const sentNow = () => [...azure.requests.keys()].filter((prompt) => prompt.startsWith('caller')).length
  let waitingNow = 0
  await waitFor(
    'every caller to be connected',
    async () => {
      waitingNow = await waiting(origins)
      return waitingNow + sentNow() >= callers
    },
    { limitMs: WAIT_MS },
  )
  const perCaller = (residentBytes(replicas) - idle) / callers
  say(`${waitingNow} of ${callers} callers wait after ${Math.round(performance.now() - startedAt)} ms`)
  azure.limit = PLENTY
  const responses = await all
  const health = (await Promise.all(probes.map((probe) => probe.stop()))).flat()

  const images = responses.filter((response) => response.includes('Image successfully generated.')).length
  const sent = [...azure.requests].filter(([prompt]) => prompt.startsWith('caller'))
  const once = sent.filter(([, count]) => count === 1).length
  const p99 = quantile(health, 0.99)
  const isPart = share < 1
  const maxBytes = MAX_BYTES_PER_CALLER + (isPart ? (PART_BYTES_PER_REPLICA * REPLICAS) / callers : 0)
  const maxHealthMs = isPart ? PART_HEALTH_MS : MAX_HEALTH_MS
  say(`memory above idle: ${(perCaller / 1024).toFixed(1)} KiB a caller (limit ${(maxBytes / 1024).toFixed(0)})`)
  say(`health: p99 ${p99.toFixed(1)} ms of ${health.length} probes (limit ${maxHealthMs})`)
  say(`${images} of ${callers} callers got their image, ${once} prompts reached Azure once, of ${sent.length}`)
  const isComplete = images === callers && once === callers && sent.length === callers
  return isComplete && waitingNow >= callers * MIN_WAITING && perCaller <= maxBytes && p99 < maxHealthMs
}

const residentBytes = (replicas: readonly ServerProcess[]): number =>
  replicas.reduce((sum, replica) => sum + replica.residentBytes(), 0)

async function startReplica(stack: AsyncDisposableStack, azure: string, redisUrl: string): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const server = await startServer({
    args: ['server.ts'],
    environment: (port) => ({
      HOME: folder,
      AZURE_BASE_URL: azure,
      AZURE_API_KEY: 'key',
      AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro',
      REDIS_URL: redisUrl,
      SERVER_SECRET: 'the same on all replicas, and long enough',
      IMAGES_DIR: folder,
      LIBRARY: 'off',
      LOG_LEVEL: 'warn',
      MCP_SERVER_HOST: '127.0.0.1',
      MCP_SERVER_PORT: String(port),
      MAX_CONNECTIONS: '20000',
      MAX_CONNECTIONS_PER_ADDRESS: '0',
      MAX_CONCURRENT_CALLS: '20000',
      AZURE_MAX_WAITING_CALLS: '20000',
    }),
  })
  stack.defer(() => server.stop())
  return server
}

interface Azure extends AsyncDisposable {
  url: string
  /** The quota that responses report. */
  limit: number
  /** How often each prompt came. */
  requests: Map<string, number>
}

async function startAzure(): Promise<Azure> {
  const requests = new Map<string, number>()
  const body = JSON.stringify({ data: [{ b64_json: plainPng(16, 100).toString('base64') }] })
  const server = createServer((incoming, response) => {
    void text(incoming).then((received) => {
      const prompt = String(JSON.parse(received).prompt)
      requests.set(prompt, (requests.get(prompt) ?? 0) + 1)
      response
        .writeHead(200, { 'content-type': 'application/json', 'x-ratelimit-limit-requests': String(azure.limit) })
        .end(body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const azure: Azure = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    limit: PLENTY,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
  return azure
}

function callMany(origins: readonly string[], count: number, name: string): Promise<string[]> {
  const originOf = (at: number) => origins[at % origins.length] ?? ''
  return Promise.all(Array.from({ length: count }, (_, at) => call(originOf(at), `${name} ${at}`)))
}

/** On a connection of its own. */
async function call(origin: string, prompt: string): Promise<string> {
  const message = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'generate_image', arguments: { prompt } },
  }
  const outgoing = request(origin, { method: 'POST', agent: false, headers: { 'content-type': 'application/json' } })
  outgoing.end(JSON.stringify(message))
  const [incoming] = await once(outgoing, 'response')
  return await text(incoming)
}

/** Calls that wait at all replicas, as they report it. */
async function waiting(origins: readonly string[]): Promise<number> {
  const counts = origins.map(async (origin) => {
    const metrics = await (await fetch(`${origin}/metrics`)).text()
    return Number(/^image_mcp_azure_waiting\{[^}]*\} (\d+)/m.exec(metrics)?.[1] ?? 0)
  })
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}
