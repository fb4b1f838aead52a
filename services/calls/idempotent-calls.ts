import { serviceError } from '../errors/errors.ts'
import type { Logger } from '../logging/logger.ts'
import { fingerprintOf, idempotencyKeyOf, keyHashOf, shareOf } from './call-digest.ts'
import { answeredKeyOf } from './complete-arguments.ts'
import { selectEvicted, useOf } from './fair-eviction.ts'
import type { Once } from './once.ts'
import { contentOf, type ResultContent, repeatResult } from './result-content.ts'
import { createResultStore } from './result-store.ts'
import type { ResultIdentity, StoredResult } from './stored-result.ts'
import type { Around, Call, Next, ToolResult } from './types.ts'

export interface IdempotentCallsOptions {
  /** Shares keys with other processes; undefined: there is no state database, and each process has its own. */
  once?: Once | undefined
  folder: string
  /** Milliseconds that a result is stored; 24 hours by default. */
  ttlMs?: number
  maxEntries: number
  /** Bytes on disk and in memory together. */
  maxBytes: number
  log: Logger
  /** The wall clock, which the next process shares. */
  now?: () => number
  /** Milliseconds on a clock that never jumps. */
  monotonic?: () => number
}

export interface IdempotentCalls {
  /**
   * Makes a call with an idempotency key once: a repetition gets the same result, even after delivery.
   * @throws ServiceError `IMG_ERR_IDEMPOTENCY_KEY` if the key was used with other arguments
   */
  around: Around
  /** Takes over what an earlier process stored. */
  load(): Promise<void>
  close(): Promise<void>
}

const DAY_MS = 86_400_000
const NOTE = 'This is the result of your earlier call with the same idempotency key; nothing was paid again for it.'
const ANSWERED_NOTE = 'This is the result of your earlier call with the same responses; nothing was paid again for it.'

/** @returns what a repeated result says */
const noteOf = (call: Call) => (idempotencyKeyOf(call) === undefined ? ANSWERED_NOTE : NOTE)

interface Entry {
  result: StoredResult
  /** The entry's hold on the result. */
  release: () => void
  /** On the monotonic clock; Infinity while the call runs. */
  expiresAt: number
}

/** Stores the results of calls that carry an idempotency key. */
export function createIdempotentCalls(options: IdempotentCallsOptions): IdempotentCalls {
  const { once, folder, ttlMs = DAY_MS, log, now = Date.now, monotonic = () => performance.now() } = options
  const store = createResultStore({ folder, log, now })
  /** By the hash of caller and key, in order of age. */
  const entries = new Map<string, Entry>()

  function add(key: string, result: StoredResult, expiresAt: number): Entry {
    const entry = { result, release: result.hold(), expiresAt }
    entries.set(key, entry)
    return entry
  }

  function remove(key: string, entry: Entry): void {
    if (entries.get(key) !== entry) return
    entries.delete(key)
    entry.release()
  }

  /** Drops what has expired, and if too much is stored the oldest of the caller that stores most. */
  function purge(): void {
    for (const [key, entry] of entries) if (entry.expiresAt <= monotonic()) remove(key, entry)
    const all = [...entries]
    const uses = all.map(([, entry]) => useOf(entry))
    for (const index of selectEvicted(uses, options)) {
      const [key, entry] = all[index] ?? []
      if (key !== undefined && entry !== undefined) remove(key, entry)
    }
  }

  /** Undefined: the earlier call failed, or its file was removed. */
  async function repeat({ result }: Entry, call: Call): Promise<ToolResult | undefined> {
    const { context } = call
    // The call whose result it waits for may have been sent.
    context.sentRequests++
    // The file is needed until the response has been sent.
    context.scope.defer(result.hold())
    const content = await result.read(context)
    if (content === undefined) context.sentRequests--
    return content && repeatResult(content, noteOf(call), context)
  }

  /** What another process stored in the same folder, because it could not be stored in the library. */
  async function findElsewhere(identity: ResultIdentity, call: Call): Promise<ToolResult | undefined> {
    const [file] = await store.find(identity)
    if (file === undefined || file.header.expiresAt <= now()) return undefined
    const parts = await store.open(file)
    return parts && repeatResult(parts, noteOf(call), call.context)
  }

  async function makeCall(key: string, call: Call, fingerprint: string, next: Next) {
    const identity = { owner: key, share: shareOf(call.context.caller), fingerprint: () => fingerprint }
    const findLocal = () => findElsewhere(identity, call)
    const running =
      once === undefined
        ? next().then((result) => ({ result, isShared: false }))
        : once.run({ key, fingerprint, call, note: noteOf(call), findLocal }, next)
    const content = running.then(({ result }) => keptOf(result)).catch(() => undefined)
    const result = store.create(identity, content)
    const entry = add(key, result, Number.POSITIVE_INFINITY)
    void result.content.then(async (known) => {
      // A call that failed may be repeated, and what all processes share is not needed here.
      if (known === undefined || (await running).isShared) return remove(key, entry)
      entry.expiresAt = monotonic() + ttlMs
      await result.write(ttlMs, false)
      purge()
    })
    return (await running).result
  }

  return {
    async around(call, next) {
      const given = idempotencyKeyOf(call) ?? answeredKeyOf(call)
      if (given === undefined || call.cost === 0) return await next()
      purge()
      const fingerprint = fingerprintOf(call)
      const key = keyHashOf(call, given, fingerprint)
      for (let entry = entries.get(key); entry !== undefined; entry = entries.get(key)) {
        if (entry.result.fingerprint() !== fingerprint) throw serviceError('IMG_ERR_IDEMPOTENCY_KEY', [])
        const repeated = await repeat(entry, call)
        if (repeated !== undefined) return repeated
        remove(key, entry)
      }
      return await makeCall(key, call, fingerprint, next)
    },

    async load() {
      for (const { result, file } of await store.load()) {
        // The clock may have been set back since.
        add(file.header.owner, result, monotonic() + Math.min(file.header.expiresAt - now(), ttlMs))
      }
      purge()
    },

    close: () => store.idle(),
  }
}

/** Jobs are kept by the state database, which knows what becomes of them. */
const keptOf = (result: ToolResult): ResultContent | undefined =>
  result.jobId === undefined ? contentOf(result) : undefined
