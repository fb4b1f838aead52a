import { parseArgs } from 'node:util'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import type { Config } from '../../config/config.ts'
import type { Logger } from '../../logging/logger.ts'
import type { ImageStore } from '../image-store.ts'
import { openRecordIndex } from '../records/open-index.ts'
import { removeOrphans } from './prune.ts'
import { importRecords, reindex } from './reindex.ts'
import { applyRetention } from './retention.ts'
import { verify } from './verify.ts'

const libraryUsage = `Usage: library reindex | verify [--hashes] | prune [--dry-run]   [--json]

  reindex    makes the index that of the records in the store
  verify     compares images, records and index; exits with 1 if something is wrong
  prune      removes what LIBRARY_TTL_MS and LIBRARY_MAX_BYTES do not allow, and leftovers of more than an hour
  --hashes   reads every image and compares its SHA-256
  --dry-run  prints what would be removed
  --json     prints one JSON object per line
`

export interface OpenLibrary {
  library: Config['library']
  store: ImageStore
  log: Logger
}

export interface LibraryCommandOptions {
  args: readonly string[]
  /** Called once the arguments are known to be right. */
  open(): Promise<OpenLibrary>
  print(line: string): void
}

const flags = {
  json: { type: 'boolean', default: false },
  hashes: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
} as const

type Facts = Readonly<Record<string, string | number | undefined>>

interface Context extends OpenLibrary {
  isDryRun: boolean
  withHashes: boolean
  /** Prints a line: what it is about, facts as `name=value`, and the name of a file; with `--json` as an object. */
  report(kind: string, facts: Facts, name?: string): void
}

/** Whether everything is right. */
type Command = (context: Context) => Promise<boolean>

const commands: ReadonlyMap<string, Command> = new Map([
  ['reindex', reindexCommand],
  ['verify', verifyCommand],
  ['prune', pruneCommand],
])

/**
 * Runs a command on the library, beside a running service or without one.
 * @returns the exit code: 0, 1 if something is wrong, or 2 if there is no such command
 * @throws ServiceError `IMG_ERR_STORE_…`, DatabaseUnavailableError
 */
export async function runLibraryCommand({ args, open, print }: LibraryCommandOptions): Promise<0 | 1 | 2> {
  const parsed = parsedArgs(args)
  const command = commands.get(parsed?.name ?? '')
  if (parsed === undefined || command === undefined) {
    print(libraryUsage.trimEnd())
    return 2
  }
  const { json, hashes, 'dry-run': isDryRun } = parsed.values
  const report: Context['report'] = (kind, facts, name) =>
    print(json ? JSON.stringify({ kind, name, ...facts }) : plainLine(kind, facts, name))
  return (await command({ ...(await open()), report, isDryRun, withHashes: hashes })) ? 0 : 1
}

/** Undefined: an unknown flag, or more than the name of a command. */
function parsedArgs(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const [name, ...others] = positionals
    return others.length > 0 ? undefined : { name, values }
  } catch {
    return undefined
  }
}

function plainLine(kind: string, facts: Facts, name?: string): string {
  const shown = Object.entries(facts).flatMap(([fact, value]) => (value === undefined ? [] : `${fact}=${value}`))
  // Other programs may have chosen the name.
  return [kind, ...shown, ...(name === undefined ? [] : [/[\s\p{C}"]/u.test(name) ? JSON.stringify(name) : name])].join(
    ' ',
  )
}

async function reindexCommand({ library, store: { files }, log, report }: Context): Promise<boolean> {
  const { index, isTemporary } = await openRecordIndex(library, log)
  await using _open = index
  if (isTemporary) {
    report('private-index', { hint: 'restart-the-service-to-rebuild-it' })
    return true
  }
  const result = await reindex({ files, index })
  report('reindexed', { ...result })
  return result.invalid === 0
}

async function verifyCommand({ library, store: { files }, log, report, withHashes }: Context): Promise<boolean> {
  const { index, isTemporary } = await openRecordIndex(library, log)
  await using _open = index
  const count = { checked: 0, wrong: 0, recent: 0 }
  const onChecked = () => count.checked++
  for await (const problem of verify({ files, index: isTemporary ? undefined : index, withHashes, onChecked })) {
    const { kind, name, isRecent, ...facts } = problem
    if (isRecent) count.recent++
    else {
      count.wrong++
      report(kind, facts, name)
    }
  }
  if (isTemporary) report('private-index', { hint: 'not-checked' })
  report('verified', count)
  return count.wrong === 0
}

async function pruneCommand({ library, store: { files }, log, report, isDryRun }: Context): Promise<boolean> {
  const { index } = await openRecordIndex(library, log)
  await using _open = index
  const stored = { files, index }
  await importRecords(stored, { isComplete: false })
  const count = { removed: 0, bytes: 0 }
  const verb = isDryRun ? 'would-remove' : 'removed'
  const removed = (reason: string, name: string, bytes = 0) => {
    count.removed++
    count.bytes += bytes
    report(verb, { reason, bytes }, name)
  }
  let isAlone = false
  await index.alone(async () => {
    isAlone = true
    const onRemoved = ({ location, bytes }: ImageRecord) => removed('retention', location, bytes)
    await applyRetention(stored, { ...library, isDryRun, onRemoved })
  })
  if (!isAlone) report('busy', { hint: 'another-process-applies-retention' })
  for await (const { kind, name, bytes } of removeOrphans({ files, isDryRun })) removed(kind, name, bytes)
  report('pruned', { ...count })
  return true
}
