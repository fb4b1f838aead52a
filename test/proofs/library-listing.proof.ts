import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerProcess, startServer } from '../../bench/server-process.ts'
import type { Proof } from '../../scripts/prove.ts'
import { openSqliteIndex } from '../../services/library/records/sqlite-index.ts'
import { png } from '../support/images/images.ts'
import { recordOf } from '../support/library.ts'
import { rpcAs } from '../support/library-callers.ts'

/**
 * Listing reads the index, not the folder: 50,000 images of two callers, each with its file, and pages of them in
 * milliseconds, for one client and for many at once, and completion of ids as well.
 */

const IMAGES = 50_000
const REQUESTS = 200
const AT_ONCE = 40
/** Milliseconds. A page is JSON of 50 images, which a busy machine may delay. */
const MAX_MEDIAN_MS = 20
const MAX_RESIDENT_BYTES = 512 * 1024 ** 2
const FILES_AT_ONCE = 100

const ann = { authorization: 'Bearer key-of-ann' }

export const prove: Proof = async ({ share, say }) => {
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  const count = Math.round(IMAGES * share)
  await fill(folder, count)
  const service = await startServer({
    args: ['server.ts'],
    environment: (port) => ({
      AZURE_BASE_URL: 'http://127.0.0.1:9',
      AZURE_API_KEY: 'key',
      AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro',
      MCP_SERVER_PORT: String(port),
      MCP_API_KEYS: 'ann:key-of-ann,bob:key-of-bob',
      RATE_LIMIT_PER_MINUTE: '100000',
      IMAGES_DIR: folder,
      LIBRARY_TTL_MS: '0',
      LIBRARY_MAX_BYTES: '0',
      LOG_LEVEL: 'fatal',
    }),
  })
  try {
    return await measure(service, count, say)
  } finally {
    await service.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Every second image is of Ann's. */
async function fill(folder: string, count: number): Promise<void> {
  await mkdir(join(folder, '.library'), { recursive: true })
  const { index } = openSqliteIndex({ file: join(folder, '.library', 'index.db'), onEmptied() {} })
  const bytes = await png(2, 2)
  for (let first = 0; first < count; first += FILES_AT_ONCE) {
    const records = Array.from({ length: Math.min(FILES_AT_ONCE, count - first) }, (_, at) =>
      recordOf({
        owner: at % 2 === 0 ? 'key:ann' : 'key:bob',
        isNamed: true,
        location: `${first + at}.png`,
        prompt: `a red fox number ${first + at} in the snow at dusk`,
        createdAt: 1_700_000_000_000 + first + at,
      }),
    )
    await index.put(records)
    await Promise.all(records.map(({ location }) => writeFile(join(folder, location), bytes)))
  }
  await index[Symbol.asyncDispose]()
}

async function measure({ origin, residentBytes }: ServerProcess, count: number, say: (line: string) => void) {
  const list = async (cursor?: string) =>
    Object((await rpcAs(origin, ann, 'resources/list', cursor === undefined ? {} : { cursor })).result)
  const complete = (value: string) =>
    rpcAs(origin, ann, 'completion/complete', {
      ref: { type: 'ref/resource', uri: 'image://{id}' },
      argument: { name: 'id', value },
    })
  const [firstMs = 0] = await times(1, () => list())
  const pageMs = median(await times(REQUESTS, () => list()))
  const idMs = median(await times(REQUESTS, () => complete('')))
  const wordMs = median(await times(REQUESTS, () => complete('snow')))
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: AT_ONCE }, () => list()))
  const manyMs = performance.now() - startedAt

  const seen = new Set<string>()
  for (let cursor: string | undefined, isLast = false; !isLast; isLast = cursor === undefined || cursor === 'f-') {
    const page = await list(cursor)
    for (const { uri } of page.resources) seen.add(uri)
    cursor = page.nextCursor
  }
  const resident = residentBytes()
  say(`${count} images, half of them the caller's`)
  say(`first page ever ${firstMs.toFixed(1)} ms, median of ${REQUESTS} first pages ${pageMs.toFixed(1)} ms`)
  say(`${AT_ONCE} first pages at once ${manyMs.toFixed(0)} ms in all`)
  say(`completion: newest ids ${idMs.toFixed(1)} ms, by a word of every prompt ${wordMs.toFixed(1)} ms`)
  say(`all pages: ${seen.size} images; resident ${(resident / 1024 ** 2).toFixed(0)} MiB`)
  const isQuick = [pageMs, idMs, wordMs, manyMs / AT_ONCE].every((ms) => ms < MAX_MEDIAN_MS)
  return isQuick && seen.size === count / 2 && resident < MAX_RESIDENT_BYTES
}

async function times(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = []
  for (let at = 0; at < count; at++) {
    const startedAt = performance.now()
    await work()
    all.push(performance.now() - startedAt)
  }
  return all
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}
