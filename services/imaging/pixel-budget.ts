import { serviceError } from '../errors/errors.ts'
import { checkClaim, type PixelClaim } from './pixel-claim.ts'

export interface PixelBudgetOptions {
  /** Bytes of decoded pixels of a job that runs alone. */
  maxBytes: number
  /**
   * Bytes of decoded pixels of all jobs that run together; `maxBytes` by default. A lower limit leaves room for what
   * decoders and allocators use beyond the estimate, which adds up.
   */
  sharedBytes?: number
  /** Jobs that run together, whatever their size: each occupies a CPU core. */
  slots: number
}

/** A weighted, fair semaphore for the memory of all conversions, masks and previews of the process. */
export interface PixelBudget {
  readonly maxBytes: number
  readonly usedBytes: number
  /** Jobs in the queue. */
  readonly waiting: number
  /**
   * Runs `work` once it fits. Callers take turns, and each caller's jobs run in order of arrival. No job overtakes one
   * that waits for memory, so that large images are not starved. A caller with running jobs gets no further one that
   * would bring it above half of the memory or half of the slots, so that it does not block the others.
   * @throws ServiceError `IMG_ERR_CANCELLED`, `IMG_ERR_AZURE_NOT_SENT` if the claim ends before the job starts
   */
  run<T>(bytes: number, claim: PixelClaim, work: () => Promise<T>): Promise<T>
  readonly retainedBytes: number
  /**
   * Counts memory that outlives its job, until the returned function is called. Retained memory delays new jobs, but a
   * job that would run alone always starts, since the owner of the retained memory may be waiting for it.
   */
  retain(bytes: number): () => void
}

/** What a caller's running jobs use. */
interface Share {
  running: number
  bytes: number
}

interface Waiter {
  bytes: number
  start(): void
}

/** Node's maximum: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const MAX_TIMER_MS = 2 ** 31 - 1

export function createPixelBudget({ maxBytes, sharedBytes = maxBytes, slots }: PixelBudgetOptions): PixelBudget {
  /** In the order of the callers' next turns. */
  const queues = new Map<string, Waiter[]>()
  const shares = new Map<string, Share>()
  const slotsPerCaller = Math.max(1, Math.floor(slots / 2))
  let usedBytes = 0
  let retainedBytes = 0
  let running = 0
  let waiting = 0

  const shareOf = (caller: string): Share => shares.get(caller) ?? { running: 0, bytes: 0 }

  function acquire(caller: string, bytes: number): void {
    running++
    usedBytes += bytes
    const share = shareOf(caller)
    shares.set(caller, { running: share.running + 1, bytes: share.bytes + bytes })
  }

  function release(caller: string, bytes: number): void {
    running--
    usedBytes -= bytes
    const share = shareOf(caller)
    if (share.running > 1) shares.set(caller, { running: share.running - 1, bytes: share.bytes - bytes })
    else shares.delete(caller)
    startWaiting()
  }

  function startWaiting(): void {
    for (let next = findNext(); next !== undefined; next = findNext()) {
      const [caller, queue, waiter] = next
      queue.shift()
      waiting--
      // The caller's next turn comes after those of all others.
      queues.delete(caller)
      if (queue.length > 0) queues.set(caller, queue)
      acquire(caller, waiter.bytes)
      waiter.start()
    }
  }

  function findNext(): [caller: string, queue: Waiter[], waiter: Waiter] | undefined {
    if (running >= slots) return undefined
    for (const [caller, queue] of queues) {
      const [waiter] = queue
      const share = shareOf(caller)
      if (waiter === undefined || share.running >= slotsPerCaller) continue
      if (share.running > 0 && share.bytes + waiter.bytes > maxBytes / 2) continue
      const isFitting = running === 0 || usedBytes + retainedBytes + waiter.bytes <= sharedBytes
      return isFitting ? [caller, queue, waiter] : undefined
    }
    return undefined
  }

  function waitForTurn(bytes: number, claim: PixelClaim): Promise<void> {
    const { caller, signal, deadlineAt } = claim
    return new Promise((resolve, reject) => {
      const queue = queues.get(caller) ?? []
      const settle = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abandon)
      }
      const start = () => {
        settle()
        resolve()
      }
      const waiter = { bytes, start }
      const abandon = () => {
        settle()
        queue.splice(queue.indexOf(waiter), 1)
        waiting--
        if (queue.length === 0 && queues.get(caller) === queue) queues.delete(caller)
        reject(serviceError(signal?.aborted ? 'IMG_ERR_CANCELLED' : 'IMG_ERR_AZURE_NOT_SENT', []))
        // Jobs behind it may fit now.
        startWaiting()
      }
      const timer = setTimeout(abandon, Math.min(deadlineAt - performance.now(), MAX_TIMER_MS)).unref()
      signal?.addEventListener('abort', abandon, { once: true })
      queue.push(waiter)
      waiting++
      queues.set(caller, queue)
      startWaiting()
    })
  }

  return {
    maxBytes,
    get usedBytes() {
      return usedBytes
    },
    get waiting() {
      return waiting
    },
    get retainedBytes() {
      return retainedBytes
    },
    retain(bytes) {
      retainedBytes += bytes
      return () => {
        retainedBytes -= bytes
        startWaiting()
      }
    },
    async run(bytes, claim, work) {
      checkClaim(claim)
      await waitForTurn(bytes, claim)
      try {
        return await work()
      } finally {
        release(claim.caller, bytes)
      }
    },
  }
}
