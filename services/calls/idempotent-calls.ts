import { serviceError } from '../errors/errors.ts'
import type { Logger } from '../logging/logger.ts'
import type { ToolResult } from '../mcp/catalog.ts'
import type { CallGuard, PendingCall } from '../mcp/method.ts'
import { fingerprintOf, idempotencyKeyOf, keyHashOf } from './call-digest.ts'
import { contentOf, createResult, encodedBytesOf, imageBlocks, textBlocks } from './result-content.ts'
import { findResults, readResult } from './result-file.ts'
import type { Result } from './result-offer.ts'
import { createResultStore, isThere } from './result-store.ts'

export interface IdempotentCallsOptions {
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
   * Calls with an idempotency key are made once: a repetition gets the same result, also after delivery. Others pass.
   * @throws ServiceError `IMG_ERR_IDEMPOTENCY_KEY` where the key was used with other arguments
   */
  attend: CallGuard
  /** Takes over what an earlier process stored. */
  load(): Promise<void>
  close(): Promise<void>
}

const DAY_MS = 86_400_000
/** Milliseconds after which a response is no longer waited for. */
const DELIVERY_MS = 600_000
const NOTE = 'This is the result of your earlier call with the same idempotency key; nothing was paid again for it.'

/** A result by the hash of caller and key. */
interface Entry {
  result: Result
  /** On the monotonic clock; Infinity while the call runs. */
  expiresAt: number
}

/** Remembers the results of calls that carry an idempotency key. */
export function createIdempotentCalls(options: IdempotentCallsOptions): IdempotentCalls {
  const { folder, ttlMs = DAY_MS, log, now = Date.now, monotonic = () => performance.now() } = options
  const store = createResultStore({ folder, log, now })
  /** In order of age. */
  const entries = new Map<string, Entry>()

  function forget(key: string, { result }: Entry): void {
    if (entries.get(key)?.result !== result) return
    entries.delete(key)
    store.drop(result)
  }

  /** Drops what is over its time, and the oldest where too much is stored. */
  function tidy(): void {
    let bytes = 0
    for (const { result } of entries.values()) bytes += result.bytes
    for (const [key, entry] of entries) {
      const isTooMuch = bytes > options.maxBytes || entries.size > options.maxEntries
      if (entry.expiresAt > monotonic() && (!isTooMuch || entry.expiresAt === Number.POSITIVE_INFINITY)) continue
      bytes -= entry.result.bytes
      forget(key, entry)
    }
  }

  async function repeat({ result }: Entry, call: PendingCall): Promise<ToolResult | undefined> {
    result.holders++
    const content = await result.content
    const isLost = content?.file !== undefined && !(await isThere(content.file))
    if (content === undefined || isLost || call.signal.aborted) {
      store.drop(result)
      return content !== undefined && !isLost ? { content: textBlocks(content.texts, NOTE) } : undefined
    }
    const images = content.images.map((image) => image.clone())
    // The file stays until the response is out.
    const release = once(() => {
      clearTimeout(timer)
      store.drop(result)
    })
    const timer = setTimeout(release, DELIVERY_MS).unref()
    call.signal.addEventListener('abort', release, { once: true })
    call.response.track().watch(({ state }) => {
      if (state !== 'settling') release()
    })
    return { content: [...textBlocks(content.texts, NOTE), ...imageBlocks(images)] }
  }

  async function make(key: string, fingerprint: string, run: () => Promise<ToolResult>) {
    const running = run()
    const content = running.then(contentOf, () => undefined).then((made) => made && { ...made, images: shared(made) })
    const result = createResult({ owner: key, fingerprint: () => fingerprint }, content)
    const entry: Entry = { result, expiresAt: Number.POSITIVE_INFINITY }
    result.holders = 1
    entries.set(key, entry)
    void content.then(async (made) => {
      // A call that failed may be repeated; an abandoned one waits for its repetition elsewhere.
      if (made === undefined) return forget(key, entry)
      entry.expiresAt = monotonic() + ttlMs
      result.bytes = encodedBytesOf(made.images)
      await store.write(result, ttlMs, false)
      tidy()
    })
    // Its images are shared before the response can release them.
    await content
    return await running
  }

  return {
    async attend(call, run) {
      const given = idempotencyKeyOf(call)
      if (given === undefined || call.isReadOnly === true) return await run()
      tidy()
      const fingerprint = fingerprintOf(call)
      const key = keyHashOf(call, given, fingerprint)
      for (let entry = entries.get(key); entry !== undefined; entry = entries.get(key)) {
        if (entry.result.fingerprint() !== fingerprint) throw serviceError('IMG_ERR_IDEMPOTENCY_KEY', [])
        const repeated = await repeat(entry, call)
        if (repeated !== undefined) return repeated
        forget(key, entry)
      }
      return await make(key, fingerprint, run)
    },

    async load() {
      for (const file of await findResults(folder, now())) {
        const { owner, fingerprint, texts, expiresAt } = file.header
        const content = Promise.resolve({ texts, images: readResult(file), file })
        const result = createResult({ owner, fingerprint: () => fingerprint }, content)
        result.holders = 1
        result.bytes = file.size
        // The clock may have been set back since.
        entries.set(owner, { result, expiresAt: monotonic() + Math.min(expiresAt - now(), ttlMs) })
      }
      tidy()
    },

    close: () => store.idle(),
  }
}

const shared = ({ images }: NonNullable<ReturnType<typeof contentOf>>) => images.map((image) => image.clone())

function once(act: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    act()
  }
}
