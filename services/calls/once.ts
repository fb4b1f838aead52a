import { setTimeout as pause } from 'node:timers/promises'
import type { RedisConnection } from '../databases/redis.ts'
import { DatabaseUnavailableError } from '../databases/unavailable.ts'
import { AppError } from '../errors/app-error.ts'
import { serviceError } from '../errors/errors.ts'
import { Rejection } from '../errors/rejection.ts'
import type { Logger } from '../logging/logger.ts'
import { deriveContext } from './derive-context.ts'
import type { IdempotencyKeys, KnownCall, Repeatable } from './idempotency-keys.ts'
import type { LibraryResults } from './library-result.ts'
import { createNews } from './news.ts'
import { partsOfResult } from './result-content.ts'
import type { Call, Next, ToolResult } from './types.ts'

export interface OnceOptions {
  keys: IdempotencyKeys
  libraryResults: LibraryResults
  /** Tells other replicas which calls have ended. */
  redis: RedisConnection | undefined
  log: Logger
}

export interface OnceCall {
  /** Hash of caller and idempotency key. */
  key: string
  fingerprint: string
  call: Call
  /** Added to the notes of a repeated result. */
  note: string
  /** The result if its images are not in the library: undefined where this process does not have them either. */
  findLocal(): Promise<ToolResult | undefined>
}

/** Makes the call of a key once, whichever processes share the state database. */
export interface Once {
  /**
   * Makes the call, or waits for the process that makes it and repeats its result.
   * @returns the result, and whether every process can repeat it
   * @throws ServiceError `IMG_ERR_IDEMPOTENCY_…`, and Rejection 503 if the database cannot be reached
   */
  run(once: OnceCall, next: Next): Promise<{ result: ToolResult; isShared: boolean }>
  close(): void
}

const CHANNEL = 'idempotent-calls'
const KEEP_EVERY_MS = 5_000
const EXPIRE_EVERY_MS = 600_000
/** Milliseconds between looks at a call of another process: twice as long each time. */
const FIRST_LOOK_MS = 100
const MAX_LOOK_MS = 2_000
const RETRY_MS = 5_000
const MAX_TRIES = 60

/** Another process has the key, because this one was taken for dead: nothing was sent. */
class KeyLostError extends AppError {
  override name = 'KeyLostError'
}

export function createOnce({ keys, libraryResults, redis, log }: OnceOptions): Once {
  let running = 0
  /** Keys whose last call is not recorded yet: the record would be that of their next call. */
  const unrecorded = new Set<string>()
  const ends = createNews<string>()
  const unsubscribe = redis?.subscribe(CHANNEL, ends.wake)

  const warn = (err: unknown) => log.warn({ err }, 'the keys of calls cannot be looked after; trying again')
  const keeping = setInterval(() => running > 0 && keys.keep().catch(warn), KEEP_EVERY_MS).unref()
  const expiring = setInterval(() => keys.expire().catch(warn), EXPIRE_EVERY_MS).unref()

  async function persist(key: string, work: () => Promise<void>): Promise<boolean> {
    unrecorded.add(key)
    return await tryToPersist(key, work).finally(() => unrecorded.delete(key))
  }

  /** The outcome of a paid call must not be lost because the database is away for a while. */
  async function tryToPersist(key: string, work: () => Promise<void>): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        await work()
        void redis?.publish(CHANNEL, key)
        return true
      } catch (err) {
        const isAway = err instanceof DatabaseUnavailableError && attempt < MAX_TRIES
        if (attempt === 1 || !isAway)
          log.warn({ err, isAway }, 'how a call with an idempotency key ended is not recorded')
        if (!isAway) return false
        await pause(RETRY_MS, undefined, { ref: false })
      }
    }
  }

  /** Whether it is recorded; the client does not wait until the database is back. */
  async function record(key: string, work: () => Promise<void>): Promise<boolean> {
    const done = new AbortController()
    const timer = pause(RETRY_MS / 2, false, { ref: false, signal: done.signal }).catch(() => false)
    return await Promise.race([persist(key, work), timer]).finally(() => done.abort())
  }

  /** A failed call may be made again. */
  const release = (key: string) => record(key, () => keys.release(key))

  async function make({ key, call }: OnceCall, next: Next): Promise<ToolResult> {
    const { context } = call
    async function mark(marking: Promise<boolean>): Promise<void> {
      const isOurs = await marking.catch((cause: unknown) => {
        throw unavailable(cause)
      })
      if (!isOurs) throw new KeyLostError('another process has the key')
    }
    const made = deriveContext(context, {
      fence: {
        async pass() {
          await mark(keys.markSent(key))
          await context.fence?.pass()
        },
        async reopen() {
          await keys.markUnsent(key).catch(warn)
          await context.fence?.reopen()
        },
      },
      onJob: (id, run) => mark(keys.markJob(key, id, run)),
    })
    running++
    try {
      return await next({ ...call, context: made })
    } catch (error) {
      if (!(error instanceof KeyLostError)) await release(key)
      throw error
    } finally {
      running--
    }
  }

  /** Records the result of a call that was made. Returns whether every process can repeat it. */
  async function complete(key: string, result: ToolResult): Promise<boolean> {
    const repeatable = repeatableOf(result)
    const isRecorded = await (repeatable === undefined
      ? release(key)
      : record(key, () => keys.complete(key, repeatable)))
    return isRecorded && (repeatable?.stored !== undefined || repeatable?.job !== undefined)
  }

  async function repeat(
    { result: { stored, job }, job: id = job?.id }: KnownCall,
    { call, note, findLocal }: OnceCall,
  ): Promise<ToolResult> {
    if (id !== undefined) {
      const text = job?.text ?? `The image may still be generated. Job id: ${id}; call get_job with it.`
      return { content: [{ type: 'text', text }], jobId: id }
    }
    if (stored !== undefined) {
      return await libraryResults.read({ ...stored, notes: [...stored.notes, note] }, call.context)
    }
    const found = await findLocal()
    if (found === undefined) throw serviceError('IMG_ERR_IDEMPOTENCY_LOST', [])
    return found
  }

  const claim = ({ key, fingerprint }: OnceCall) =>
    keys.claim(key, fingerprint).catch((cause: unknown) => {
      throw cause instanceof DatabaseUnavailableError ? unavailable(cause) : cause
    })

  return {
    async run(once, next) {
      const { key, fingerprint, call } = once
      const { context } = call
      const sentBefore = context.sentRequests
      for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(2 * lookMs, MAX_LOOK_MS)) {
        const known = unrecorded.has(key) ? 'unrecorded' : await claim(once)
        if (known === undefined) {
          context.sentRequests = sentBefore
          try {
            const result = await make(once, next)
            return { result, isShared: await complete(key, result) }
          } catch (error) {
            if (error instanceof KeyLostError) continue
            throw error
          }
        }
        if (known !== 'unrecorded') {
          if (known.fingerprint !== fingerprint) throw serviceError('IMG_ERR_IDEMPOTENCY_KEY', [])
          const isLeft = known.progress === 'sent' && known.isSilent
          if (known.progress === 'done' || (isLeft && known.job !== undefined)) {
            return { result: await repeat(known, once), isShared: true }
          }
          if (isLeft) throw serviceError('IMG_ERR_IDEMPOTENCY_UNKNOWN', [])
        }
        // The call whose result it waits for may have been sent.
        context.sentRequests = sentBefore + 1
        await ends.wait(key, context.signal, Math.min(lookMs, context.deadlineAt - performance.now()))
        if (context.isCancelled) throw serviceError('IMG_ERR_CANCELLED', [])
        if (performance.now() >= context.deadlineAt) throw serviceError('IMG_ERR_IDEMPOTENCY_RUNNING', [])
      }
    },
    close() {
      clearInterval(keeping)
      clearInterval(expiring)
      unsubscribe?.()
    },
  }
}

/** Undefined: nothing was paid for, and the call may be made again. */
function repeatableOf(result: ToolResult): Repeatable | undefined {
  const { stored, jobId, isError, content } = result
  if (isError === true) return undefined
  if (jobId !== undefined) {
    const text = content.flatMap((block) => (block.type === 'text' ? block.text : [])).join('\n')
    return { job: { id: jobId, text } }
  }
  if (stored !== undefined) return { stored }
  return partsOfResult(result) === undefined ? undefined : {}
}

function unavailable(cause: unknown): Rejection {
  const sentence = `Idempotency keys cannot be checked at the moment; retry in ${RETRY_MS / 1000} s with the same key. Nothing was billed.`
  return new Rejection(503, sentence, { retryAfterMs: RETRY_MS, cause })
}
