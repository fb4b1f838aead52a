import { createHash } from 'node:crypto'
import { appendFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { temporaryName } from '../services/bytes/durable-file.ts'
import { extensionOf } from '../services/bytes/image-extensions.ts'
import { publish } from '../services/library/local/atomic-write.ts'
import { DirectoryHandle } from '../services/library/local/directory-handle.ts'
import type { Item } from './prompts.ts'
import type { CallOutcome } from './service-client.ts'

/** A line of `manifest.jsonl`: what became of a line of the prompts. The last line of a key is the one that holds. */
const EntrySchema = Type.Object({
  line: Type.Integer(),
  key: Type.String(),
  /** `sent`: nothing more is known of it. `unknown`: its image may have been generated and billed. */
  status: Type.Enum(['sent', 'submitted', 'completed', 'failed', 'unknown'], { type: 'string' }),
  /** How often it may have been paid for; absent: once. */
  attempt: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Of a submitted item. */
  job: Type.Optional(Type.String()),
  /** Of a completed item. */
  images: Type.Optional(
    Type.Array(Type.Object({ id: Type.Optional(Type.String()), file: Type.String(), sha256: Type.String() })),
  ),
  /** The sentences of the result, such as size and cost. */
  notes: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
})
export type ManifestEntry = Static<typeof EntrySchema>
const entrySchema = Compile(EntrySchema)

/** The one record of a batch, in its output folder. */
export interface Manifest {
  /** What an earlier run has recorded of an item. */
  find(key: string): ManifestEntry | undefined
  submitted(item: Item, job: string, attempt: number): Promise<void>
  /** Before a call that cannot be asked about later. */
  sent(item: Item, attempt: number): Promise<void>
  /** Writes the images, then their entry. Existing files are never replaced. */
  completed(item: Item, outcome: CallOutcome): Promise<void>
  failed(item: Item, error: string): Promise<void>
  unknown(item: Item, error: string): Promise<void>
}

/** Opens the manifest of a folder, which is created if it does not exist. */
export async function openManifest(folder: string): Promise<Manifest> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'manifest.jsonl')
  const entries = new Map<string, ManifestEntry>()
  const text = await readFile(path, 'utf8').catch(() => '')
  for (const line of text.split('\n')) {
    const entry = parseEntry(line)
    if (entry !== undefined && (await hasFiles(folder, entry))) entries.set(entry.key, entry)
  }
  // A kill may have left half a line.
  if (text !== '' && !text.endsWith('\n')) await appendFile(path, '\n')

  async function add(entry: ManifestEntry): Promise<void> {
    entries.set(entry.key, entry)
    await appendFile(path, `${JSON.stringify(entry)}\n`)
  }

  const attemptOf = (key: string) => entries.get(key)?.attempt ?? 1

  return {
    find: (key) => entries.get(key),
    submitted: ({ line, key }, job, attempt) => add({ line, key, status: 'submitted', job, ...again(attempt) }),
    sent: ({ line, key }, attempt) => add({ line, key, status: 'sent', ...again(attempt) }),
    async completed({ line, key, name }, { images, notes, ids }) {
      const written: NonNullable<ManifestEntry['images']> = []
      for (const [at, { bytes, mimeType }] of images.entries()) {
        const stem = images.length === 1 ? name : `${name}-${at + 1}`
        const file = await writeNew(folder, stem, extensionOf(mimeType), bytes)
        const id = ids[at]
        written.push({
          ...(id === undefined ? {} : { id }),
          file,
          sha256: createHash('sha256').update(bytes).digest('hex'),
        })
      }
      await add({ line, key, status: 'completed', images: written, notes })
    },
    failed: ({ line, key }, error) => add({ line, key, status: 'failed', error, ...again(attemptOf(key)) }),
    unknown: ({ line, key }, error) => add({ line, key, status: 'unknown', error, ...again(attemptOf(key)) }),
  }
}

const again = (attempt: number) => (attempt === 1 ? {} : { attempt })

/** Undefined: not an entry, such as the rest of one that a kill cut off. */
function parseEntry(line: string): ManifestEntry | undefined {
  try {
    const entry: unknown = JSON.parse(line)
    return entrySchema.Check(entry) ? entry : undefined
  } catch {
    return undefined
  }
}

/** An item whose files were removed is made again. */
async function hasFiles(folder: string, { status, images = [] }: ManifestEntry): Promise<boolean> {
  if (status !== 'completed') return true
  const found = images.map(({ file }) =>
    stat(join(folder, file)).then(
      ({ size }) => size > 0,
      () => false,
    ),
  )
  return (await Promise.all(found)).every(Boolean)
}

/** Writes a file that appears whole, under its name or the next free one. Returns the name. */
async function writeNew(folder: string, stem: string, extension: string, bytes: Buffer): Promise<string> {
  const directory = await DirectoryHandle.open(folder)
  const temporary = temporaryName()
  try {
    await writeFile(join(folder, temporary), bytes)
    // Another item, or another run in this folder, may write a file of the same name.
    const file = { stem, extension: `.${extension}`, temporary: { name: temporary } }
    return (await publish(directory, file, 1)).name
  } finally {
    await directory.unlink(temporary).catch(() => {})
    await directory.close()
  }
}
