import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type ServerProcess, startServer } from '../../bench/server-process.ts'
import type { Proof } from '../../scripts/prove.ts'
import { Secret } from '../../services/config/secret.ts'
import type { LibraryFiles } from '../../services/library/image-store.ts'
import { createLocalImageStore } from '../../services/library/local/local-image-store.ts'
import { idOfUnnamedImage } from '../../services/library/locations.ts'
import { removeOrphans } from '../../services/library/maintenance/prune.ts'
import { type Problem, type ProblemKind, verify } from '../../services/library/maintenance/verify.ts'
import { openRecordIndex } from '../../services/library/records/open-index.ts'
import type { RecordIndex } from '../../services/library/records/record-index.ts'
import { AZURITE_KEY, startAzurite } from '../support/azurite.ts'
import { silent } from '../support/calls.ts'
import { startPostgres } from '../support/postgres.ts'
import { startRecordingAzure } from '../support/recording-azure.ts'
import { openBlobStore } from '../support/stores.ts'
import { waitFor } from '../support/wait-for.ts'

/**
 * A service that is killed while it saves 200 images at once, again and again: after each restart every image whose id
 * reached a client has its bytes, its record and an entry in the index. Nothing else is left that `verify` does not name, and
 * nothing that `prune` does not remove.
 */

const ROUNDS = 10
const IMAGES = 200
const deployment = 'FLUX.2-pro'
const key = 'simulated-key'
/** What a kill may leave behind. Whatever else `verify` names would be a lost or torn image. */
const LEFTOVERS: ReadonlySet<ProblemKind> = new Set(['no-record', 'torn-record', 'temporary'])
const IMPORT_MS = 60_000

interface Place {
  name: string
  files: LibraryFiles
  index: RecordIndex
  environment: Record<string, string>
}

interface Run {
  place: Place
  azureUrl: string
  say(line: string): void
  told: Set<string>
  faults: string[]
  orphans: number
}

export const prove: Proof = async ({ share, say }) => {
  const azure = await startRecordingAzure(key, deployment)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => azure.close())
  const places = [await openFolder(stack), await openContainerAndPostgres(stack)]
  const results: boolean[] = []
  for (const place of places) {
    const run: Run = { place, azureUrl: azure.url, say, told: new Set(), faults: [], orphans: 0 }
    for (let round = 0; round < Math.max(2, Math.round(ROUNDS * share)); round++) await killOnce(run)
    const leftovers = await removeLeftovers(run)
    say(`${place.name}: ${run.told.size} ids told, ${run.orphans} leftovers named, ${leftovers} after prune (limit 0)`)
    for (const fault of run.faults.slice(0, 20)) say(`FAULT ${fault}`)
    results.push(run.faults.length === 0 && leftovers === 0 && run.told.size > 0)
  }
  return results.every(Boolean)
}

async function openFolder(stack: AsyncDisposableStack): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const { index } = await openRecordIndex({ folder }, silent)
  stack.use(index)
  const { files } = createLocalImageStore({ folder })
  return { name: 'folder and SQLite', files, index, environment: { IMAGES_DIR: folder } }
}

async function openContainerAndPostgres(stack: AsyncDisposableStack): Promise<Place> {
  const postgres = stack.use(await startPostgres())
  const azurite = stack.use(await startAzurite())
  const [DATABASE_URL, AZURE_STORAGE_URL] = [await postgres.createDatabase(), await azurite.createContainer('images')]
  const { index } = await openRecordIndex({ folder: '/nowhere', databaseUrl: new Secret(DATABASE_URL) }, silent)
  stack.use(index)
  const { store } = await openBlobStore(AZURE_STORAGE_URL)
  const environment = { DATABASE_URL, AZURE_STORAGE_URL, AZURE_STORAGE_KEY: AZURITE_KEY, SERVER_SECRET: randomUUID() }
  return { name: 'Azurite and Postgres', files: store.files, index, environment }
}

function start({ place, azureUrl }: Run): Promise<ServerProcess> {
  return startServer({
    args: ['server.ts'],
    environment: (port) => ({
      AZURE_BASE_URL: azureUrl,
      AZURE_API_KEY: key,
      AZURE_DEPLOYMENT_NAME: deployment,
      AZURE_REQUESTS_PER_MINUTE: '100000',
      AZURE_MAX_WAITING_CALLS: '1000',
      RATE_LIMIT_PER_MINUTE: '100000',
      MAX_EVENT_LOOP_DELAY_MS: '60000',
      LIBRARY_WAIT_MS: '60000',
      LOG_LEVEL: 'fatal',
      MCP_SERVER_PORT: String(port),
      ...place.environment,
    }),
  })
}

/** A round: 200 calls, a kill after some of them have ended, a restart, and the check. */
async function killOnce(run: Run): Promise<void> {
  const service = await start(run)
  const killAfter = Math.floor(Math.random() * IMAGES)
  let ended = 0
  let kill: Promise<void> | undefined
  await Promise.all(
    Array.from({ length: IMAGES }, async (_, at) => {
      for (const id of await idsToldBy(service, at)) run.told.add(id)
      if (++ended > killAfter) kill ??= pause(Math.random() * 20).then(() => service.kill())
    }),
  )
  await kill
  await service.kill()
  const restarted = await start(run)
  try {
    await check(run)
  } finally {
    await restarted.stop()
  }
}

/** The ids that reached the client, however its connection ended. */
async function idsToldBy({ origin }: ServerProcess, at: number): Promise<string[]> {
  const named = at % 2 === 0 ? { output_path: `album/${at}.png` } : {}
  const params = { name: 'generate_image', arguments: { prompt: `image ${at}`, size: '256x256', ...named } }
  const body = JSON.stringify({ jsonrpc: '2.0', id: at, method: 'tools/call', params })
  let text = ''
  try {
    const headers = { 'content-type': 'application/json', connection: 'close' }
    const response = await fetch(origin, { method: 'POST', headers, body })
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) text = (text + decoder.decode(chunk, { stream: true })).slice(-4000)
  } catch {
    // Killed: what arrived before counts.
  }
  return text.match(/img_[0-9a-z]{26}/g) ?? []
}

async function check(run: Run): Promise<void> {
  const { files, index } = run.place
  const told = [...run.told]
  await waitFor('the index to have every image', async () => (await index.missing(told)).length === 0 || undefined, {
    limitMs: IMPORT_MS,
  }).catch(async () => run.faults.push(`not in the index: ${(await index.missing(told)).join(' ')}`))
  let problems: Problem[] = []
  // A complete image of which no client was told is imported in the background.
  const isImported = async () => {
    problems = await problemsOf(run, true)
    return !problems.some(({ kind }) => kind === 'not-in-index') || undefined
  }
  await waitFor('the import of records', isImported, { limitMs: IMPORT_MS }).catch(() => {})
  run.orphans = problems.length
  for (const { kind, name } of problems) if (!LEFTOVERS.has(kind)) run.faults.push(`${kind} ${name}`)
  const named = new Set(problems.map(({ id }) => id))
  for await (const { name } of files.entries()) {
    const id = idOfUnnamedImage(name)
    const isKnown = id === undefined || named.has(id) || (await index.get(id)) !== undefined
    if (!isKnown) run.faults.push(`an orphan that verify does not name: ${name}`)
  }
  for (const id of told) {
    const record = await index.get(id)
    await using file = record && (await files.open(record.location))
    if (file?.bytes !== record?.bytes) run.faults.push(`an id without its image: ${id}`)
  }
}

async function problemsOf({ place: { files, index } }: Run, withHashes: boolean): Promise<Problem[]> {
  const problems: Problem[] = []
  for await (const problem of verify({ files, index, withHashes, recentMs: 0 })) problems.push(problem)
  return problems
}

/** @returns how many problems remain */
async function removeLeftovers(run: Run): Promise<number> {
  for await (const _removed of removeOrphans({ files: run.place.files, isDryRun: false, keepMs: 0 }));
  return (await problemsOf(run, true)).length
}
