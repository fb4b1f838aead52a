import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type ServerProcess, startServer } from '../../bench/server-process.ts'
import type { Proof } from '../../scripts/prove.ts'
import { createLedgerStore, type LedgerStore } from '../../services/calls/ledger/ledger-store.ts'
import { limitInMicros } from '../../services/calls/ledger/money.ts'
import { periodOf } from '../../services/calls/ledger/periods.ts'
import type { Receipt } from '../../services/calls/ledger/receipt.ts'
import { migrations } from '../../services/calls/state-tables.ts'
import { openPostgresState } from '../../services/databases/postgres-state.ts'
import { openSqliteState } from '../../services/databases/sqlite-state.ts'
import type { StateDatabase } from '../../services/databases/state-database.ts'
import { type BillingAzure, MOST_MICROS, startBillingAzure } from '../support/billing-azure.ts'
import { startPostgres } from '../support/postgres.ts'
import { waitFor } from '../support/wait-for.ts'

/**
 * Budgets at their limit, raced for by several replicas: no budget is exceeded at any moment, nothing stays reserved, and
 * receipts, spending and Azure's bill agree to the millionth of a dollar. Where replicas are killed, the bill is at most what
 * was spent, and the difference at most what receipts of unknown outcome had reserved.
 */

const RACES = 20_000
const SQLITE_RACES = 3_000
const KILL_RACES = 4_000
const CONCURRENCY = 50
const CALLERS = 40
const DAILY_USD = 1.5
/** Where replicas are killed, most calls are to be on their way, and few to be rejected. */
const KILL_DAILY_USD = 15
/** Of all callers: they reach it before all of them have reached their own. */
const MONTHLY_SHARE = 0.8
const SAMPLE_MS = 25
const SETTLE_MS = 60_000
const key = 'simulated-key'

interface Part {
  name: string
  races: number
  replicas: number
  latencyMs: number
  dailyUsd: number
  /** Whether replicas are killed meanwhile. */
  hasKills: boolean
  environment: Record<string, string>
  database: StateDatabase
}

interface Run extends Part {
  azure: BillingAzure
  store: LedgerStore
  folder: string
  callers: readonly string[]
  limits: ReadonlyMap<string, number>
  servers: ServerProcess[]
  statuses: Map<string, number>
  faults: string[]
  kills: number
  samples: number
  startedAt: number
}

export const prove: Proof = async ({ share, say }) => {
  await using stack = new AsyncDisposableStack()
  const postgres = stack.use(await startPostgres())
  const onPostgres = async () => {
    const DATABASE_URL = await postgres.createDatabase()
    const database = stack.use(openPostgresState({ url: DATABASE_URL, migrations, onError() {} }))
    return { database, environment: { DATABASE_URL, SERVER_SECRET: randomUUID() } }
  }
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const sqlite = {
    database: stack.use(openSqliteState(join(folder, 'state.db'), migrations)),
    environment: { STATE_DIR: folder },
  }
  const count = (races: number) => Math.max(200, Math.round(races * share))
  const parts: Part[] = [
    {
      name: 'Postgres',
      races: count(RACES),
      replicas: 3,
      latencyMs: 0,
      dailyUsd: DAILY_USD,
      hasKills: false,
      ...(await onPostgres()),
    },
    {
      name: 'SQLite',
      races: count(SQLITE_RACES),
      replicas: 2,
      latencyMs: 0,
      dailyUsd: DAILY_USD,
      hasKills: false,
      ...sqlite,
    },
    {
      name: 'Postgres with kills',
      races: count(KILL_RACES),
      replicas: 3,
      latencyMs: 300,
      dailyUsd: KILL_DAILY_USD,
      hasKills: true,
      ...(await onPostgres()),
    },
  ]
  let holds = true
  for (const part of parts) holds = (await provePart(part, say)) && holds
  return holds
}

async function provePart(part: Part, say: (line: string) => void): Promise<boolean> {
  await using stack = new AsyncDisposableStack()
  const azure = stack.use(await startBillingAzure(part))
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }))
  const callers = Array.from({ length: Math.max(4, Math.round((CALLERS * part.races) / RACES)) }, (_, at) => `c${at}`)
  const usdPerMonth = Number((callers.length * part.dailyUsd * MONTHLY_SHARE).toFixed(2))
  const limits = new Map([...callers.map((name) => [name, part.dailyUsd] as const), ['everyone', usdPerMonth] as const])
  const policy = {
    rules: [
      ...callers.map((name) => ({ name, callers: [name], usd_per_day: part.dailyUsd })),
      { name: 'everyone', usd_per_month: usdPerMonth },
    ],
  }
  await writeFile(join(folder, 'policy.json'), JSON.stringify(policy))
  const store = createLedgerStore(part.database)
  const counts = { statuses: new Map<string, number>(), faults: [], kills: 0, samples: 0, startedAt: Date.now() }
  const run: Run = { ...part, ...counts, azure, store, folder, callers, limits, servers: [] }
  run.servers = await Promise.all(Array.from({ length: part.replicas }, () => start(run)))
  stack.defer(async () => {
    await Promise.all(run.servers.map((server) => server.stop()))
  })
  const startedAt = performance.now()
  await race(run)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const unknown = await check(run)
  const answers = Array.from(run.statuses, ([status, times]) => `${times} ${status}`).join(', ')
  const kills = part.hasKills ? `, ${run.kills} kills that left ${unknown} receipts of unknown outcome` : ''
  say(
    `${part.name}: ${part.races} races over ${part.replicas} processes in ${seconds} s${kills}, ${azure.images} images; ${answers}; ${run.samples} samples`,
  )
  for (const fault of run.faults.slice(0, 20)) say(`FAULT ${fault}`)
  return run.faults.length === 0
}

function start({ azure, folder, callers, hasKills, environment }: Run): Promise<ServerProcess> {
  return startServer({
    args: ['test/support/budget-process.ts'],
    environment: (port) => ({
      AZURE_BASE_URL: azure.url,
      AZURE_API_KEY: key,
      AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro',
      AZURE_REQUESTS_PER_MINUTE: '100000',
      AZURE_MAX_WAITING_CALLS: '1000',
      MCP_API_KEYS: callers.map((name) => `${name}:key-of-${name}`).join(','),
      POLICY_FILE: join(folder, 'policy.json'),
      IMAGES_DIR: folder,
      MAX_EVENT_LOOP_DELAY_MS: '60000',
      LOG_LEVEL: 'fatal',
      MCP_SERVER_PORT: String(port),
      ...(hasKills ? { CALL_DEADLINE_MS: '5000' } : {}),
      ...environment,
    }),
  })
}

/** All races, while the budgets are sampled and perhaps replicas killed. */
async function race(run: Run): Promise<void> {
  const ended = new AbortController()
  const watching = Promise.all([sample(run, ended.signal), run.hasKills ? kill(run, ended.signal) : undefined])
  let next = 0
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let at = next++; at < run.races; at = next++) {
        const status = await call(run, at)
        run.statuses.set(status, (run.statuses.get(status) ?? 0) + 1)
      }
    }),
  )
  if (!run.hasKills) await useUp(run)
  ended.abort()
  await watching
}

/**
 * One call after another until every caller is rejected: what is refunded while the last races are rejected leaves the budget
 * short of its limit.
 */
async function useUp(run: Run): Promise<void> {
  const { races, callers } = run
  for (let at = races, rejected = 0; rejected < callers.length && at < 2 * races; at++) {
    rejected = (await call(run, at)) === 'over budget' ? rejected + 1 : 0
  }
}

/** One call. Every ninth is refused by Azure, free of charge. @returns what became of it */
async function call({ servers, callers, hasKills, faults }: Run, at: number): Promise<string> {
  const caller = callers[at % callers.length] ?? ''
  const prompt = `${caller} ${at}${at % 9 === 4 ? ' refused' : ''}`
  const params = { name: 'generate_image', arguments: { prompt, size: '2048x2048' } }
  const { origin } = servers[Math.floor(Math.random() * servers.length)] ?? { origin: '' }
  try {
    const headers = { 'content-type': 'application/json', 'x-api-key': `key-of-${caller}` }
    const body = JSON.stringify({ jsonrpc: '2.0', id: at, method: 'tools/call', params })
    const response = await fetch(origin, { method: 'POST', headers, body })
    const text = await response.text()
    if (response.status !== 200) {
      const isExpected =
        response.status === 503 || (response.status === 429 && /budget of rule (c\d+|everyone) /.test(text))
      if (!isExpected) faults.push(`${response.status} ${text.slice(0, 200)}`)
      return response.status === 429 ? 'over budget' : 'unavailable'
    }
    return text.includes('"isError":true') ? 'failed' : 'ok'
  } catch (error) {
    // It was killed, and a new one takes a while to start.
    if (!hasKills) faults.push(String(error))
    await pause(100)
    return 'lost'
  }
}

/** No budget is exceeded, whenever one looks. */
async function sample(run: Run, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const { rule, micros, reservedMicros } of await spending(run)) {
      const limit = limitInMicros(run.limits.get(rule) ?? 0)
      if (micros + reservedMicros > limit) run.faults.push(`${rule}: ${micros} + ${reservedMicros} > ${limit}`)
      if (micros < 0 || reservedMicros < 0) run.faults.push(`${rule}: ${micros}, ${reservedMicros} reserved`)
    }
    run.samples++
    await pause(SAMPLE_MS)
  }
}

async function spending({ store, startedAt }: Run) {
  const days = new Set([startedAt, Date.now()].map((at) => periodOf('day', at)))
  const months = new Set([startedAt, Date.now()].map((at) => periodOf('month', at)))
  return (await Promise.all([...days, ...months].map((period) => store.spending(period)))).flat()
}

/** Kills a replica again and again, and starts another in its place. */
async function kill(run: Run, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(300 + Math.random() * 500)
    const at = Math.floor(Math.random() * run.servers.length)
    await run.servers[at]?.kill()
    run.kills++
    run.servers[at] = await start(run)
  }
}

/** @returns receipts of unknown outcome */
async function check(run: Run): Promise<number> {
  const { azure, faults, limits, hasKills } = run
  const isSettled = async () => (await spending(run)).every((each) => each.reservedMicros === 0) || undefined
  await waitFor('every reservation to end', isSettled, { limitMs: SETTLE_MS }).catch(() =>
    faults.push('reserved for ever'),
  )
  const receipts: Receipt[] = []
  for await (const page of run.store.receipts({ since: 0, until: Date.now() + 1 })) receipts.push(...page)
  if (receipts.some(({ outcome }) => outcome === 'pending')) faults.push('a receipt is pending')
  if (!hasKills && receipts.some(({ outcome }) => outcome !== 'ok')) faults.push('a receipt has an unknown outcome')
  const all = await spending(run)
  for (const rule of limits.keys()) {
    const own = receipts.filter(({ caller }) => rule === 'everyone' || caller === `key:${rule}`)
    const spent = sum(all.filter((each) => each.rule === rule).map(({ micros }) => micros))
    const receipted = sum(own.map(({ micros = 0 }) => micros))
    const unknown = sum(own.flatMap(({ outcome, micros = 0 }) => (outcome === 'unknown' ? [micros] : [])))
    const billed = sum(
      Array.from(azure.billed, ([payer, micros]) => (rule === 'everyone' || payer === rule ? micros : 0)),
    )
    const facts = `${rule}: billed ${billed}, spent ${spent}, receipts ${receipted}, of these unknown ${unknown}`
    if (receipted !== spent || billed > spent || spent - billed > unknown) faults.push(facts)
  }
  const total = sum(all.filter(({ rule }) => rule === 'everyone').map(({ micros }) => micros))
  const most = limitInMicros(limits.get('everyone') ?? 0)
  if (!hasKills && total <= most - MOST_MICROS)
    faults.push(`the budget of everyone was not reached: ${total} of ${most}`)
  if (hasKills && run.kills === 0) faults.push('no replica was killed')
  return receipts.filter(({ outcome }) => outcome === 'unknown').length
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0)
