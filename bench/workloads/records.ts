import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ImageRecord } from '../../schemas/image-record.ts'
import { newImageId } from '../../services/library/image-id.ts'
import { openPostgresIndex } from '../../services/library/records/postgres-index.ts'
import type { RecordIndex, RecordQuery } from '../../services/library/records/record-index.ts'
import { openSqliteIndex } from '../../services/library/records/sqlite-index.ts'
import { imageRecord } from '../../test/support/image-records.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { quantile } from '../statistics.ts'
import { type Effort, scaled } from '../workload.ts'

export const RECORDS_NAME = 'find_images among 100,000 records'
const RECORDS = 100_000
const BATCH = 250
const REPEATS = 20
const target = 'p50 ≤ 5 ms, p99 ≤ 50 ms'

/** Searches among many records, in both indexes. Prints the median and the slowest hundredth of each kind of query. */
export async function benchmarkRecords(effort: Effort, say: (text: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-bench-'))
  try {
    await using postgres = await startPostgres()
    const engines: Record<string, RecordIndex> = {
      sqlite: openSqliteIndex({ file: join(folder, 'index.db'), onEmptied: () => {} }).index,
      postgres: (await openPostgresIndex({ url: await postgres.createDatabase(), onError: () => {} })).index,
    }
    for (const [name, index] of Object.entries(engines)) {
      await using filled = index
      await fill(filled, scaled(RECORDS, effort))
      say(await table(name, filled, scaled(REPEATS, effort)))
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The same numbers at every run. https://en.wikipedia.org/wiki/Linear_congruential_generator */
function createRandom(): () => number {
  let state = 1
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const SYLLABLES = 'ka lo mi ra te su no vi pe do ba gu ri sha el or an ti mo fe'.split(' ')
const WORDS = 20_000

const random = createRandom()
const wholeBelow = (end: number) => Math.floor(random() * end)
/** From 0, small numbers most often, as words of a language are. */
const rank = (end: number) => Math.floor(end ** random()) - 1
const words = Array.from({ length: WORDS }, () =>
  Array.from({ length: 2 + wholeBelow(3) }, () => SYLLABLES[wholeBelow(SYLLABLES.length)]).join(''),
)
const word = (at: number) => words[at] ?? 'photo'
const character = (at: number) => String.fromCodePoint(0x4e00 + at)

function prompt(at: number): string {
  if (at % 3 === 0) return Array.from({ length: 60 }, () => character(rank(2500))).join('')
  return `a photo of ${Array.from({ length: 50 }, () => word(rank(WORDS))).join(' ')}`
}

const models = ['gpt-image-2', 'flux-2-pro', 'mai-image-2']

function record(at: number): ImageRecord {
  const base = imageRecord(at * 60)
  return {
    ...base,
    id: newImageId(base.createdAt),
    owner: `owner-${rank(1000)}`,
    model: models[at % models.length] ?? '',
    prompt: prompt(at),
    tags: at % 50 === 0 ? ['logo'] : [],
  }
}

async function fill(index: RecordIndex, count: number): Promise<void> {
  for (let start = 0; start < count; start += BATCH) {
    await index.put(Array.from({ length: Math.min(BATCH, count - start) }, (_, at) => record(start + at)))
  }
  await index.optimize()
}

const queries: Readonly<Record<string, Omit<RecordQuery, 'limit'>>> = {
  'the newest': {},
  'an owner with many': { owner: 'owner-0' },
  'an owner with few': { owner: 'owner-900' },
  'the most common word': { text: word(0) },
  'two common words': { text: `${word(1)} ${word(2)}` },
  'one letter': { text: 'k' },
  'three letters of words': { text: 'k l m' },
  'a letter, an owner with few': { text: 'a', owner: 'owner-900' },
  'a rare word': { text: word(15_000) },
  'a rare and a common word': { text: `${word(15_000)} photo` },
  'no such word': { text: 'zzzz' },
  'a common character': { text: character(0) },
  'two characters': { text: character(0) + character(1) },
  'four characters without a hit': { text: '龘龗龖龍' },
  'common characters without a hit': { text: [0, 1, 2, 3, 4, 5, 6].map(character).join('') },
  'a character and a word, no hit': { text: `photo ${character(0)}` },
  'a model': { model: 'gpt-image-2' },
  'a tag': { tags: ['logo'] },
  'a model and a character': { model: 'gpt-image-2', text: character(3) },
  'a whole prompt': { text: Array.from({ length: 60 }, (_, at) => word(at)).join(' ') },
  'the alphabet': { text: 'a b c d e f g h i j k l m n o p q r s t u v w x y z' },
}

async function table(name: string, index: RecordIndex, repeats: number): Promise<string> {
  const all: number[] = []
  const rows: string[] = []
  for (const [kind, query] of Object.entries(queries)) {
    const times: number[] = []
    for (let at = 0; at < repeats; at++) {
      const start = performance.now()
      await index.find({ ...query, limit: 50 })
      times.push(performance.now() - start)
    }
    all.push(...times)
    rows.push(row(name, kind, times, ''))
  }
  return [...rows, row(name, RECORDS_NAME, all, target), ''].join('\n')
}

function row(engine: string, kind: string, times: readonly number[], goal: string): string {
  return `| ${engine} | ${kind} | p50 ${quantile(times, 0.5).toFixed(2)} ms | p99 ${quantile(times, 0.99).toFixed(2)} ms | ${goal} |`
}
