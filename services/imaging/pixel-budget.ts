import { serviceError } from '../errors/errors.ts'
import { checkClaim, type PixelClaim } from './pixel-claim.ts'

export interface PixelBudgetOptions {
  /** Bytes of decoded pixels that may be in work at a time. */
  maxBytes: number
  /**
   * The same for work beside other work; `maxBytes` by default. Less leaves room for what decoders and allocators take
   * beyond what was weighed, which adds up.
   */
  sharedBytes?: number
  /** Pieces of work at a time, whatever their size: each keeps a core busy. */
  slots: number
}

/** Shares memory for pixels among all conversions, masks and previews of the process. */
export interface PixelBudget {
  readonly maxBytes: number
  readonly usedBytes: number
  /** Work that waits for its turn. */
  readonly waiting: number
  /**
   * Does `work` when its turn has come. Turns go round the callers and, for each, in order of arrival; nothing overtakes
   * work that waits for memory, so that large images get their turn too. A caller with work under way gets no further
   * turn that would bring it above half of the memory or of the slots, so that others do not wait for it.
   * @throws ServiceError `IMG_ERR_CANCELLED`, `IMG_ERR_AZURE_NOT_SENT` when the claim ends before the turn comes
   */
  run<T>(bytes: number, claim: PixelClaim, work: () => Promise<T>): Promise<T>
  readonly retainedBytes: number
  /**
   * Counts what stays after its work, until the returned function is called. It leaves less room for new work, but never
   * none: work that runs alone always gets its turn, since what is retained may be waiting for it.
   */
  retain(bytes: number): () => void
}

interface Share {
  running: number
  bytes: number
}

interface Waiter {
  bytes: number
  start(): void
}

export function createPixelBudget({ maxBytes, sharedBytes = maxBytes, slots }: PixelBudgetOptions): PixelBudget {
  /** In the order in which callers get their next turn. */
  const queues = new Map<string, Waiter[]>()
  const shares = new Map<string, Share>()
  const slotsOfCaller = Math.max(1, Math.floor(slots / 2))
  let usedBytes = 0
  let retainedBytes = 0
  let running = 0
  let waiting = 0

  const shareOf = (caller: string): Share => shares.get(caller) ?? { running: 0, bytes: 0 }

  function take(caller: string, bytes: number): void {
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
      take(caller, waiter.bytes)
      waiter.start()
    }
  }

  function findNext(): [caller: string, queue: Waiter[], waiter: Waiter] | undefined {
    if (running >= slots) return undefined
    for (const [caller, queue] of queues) {
      const [waiter] = queue
      const share = shareOf(caller)
      if (waiter === undefined || share.running >= slotsOfCaller) continue
      if (share.running > 0 && share.bytes + waiter.bytes > maxBytes / 2) continue
      const hasCapacity = running === 0 || usedBytes + retainedBytes + waiter.bytes <= sharedBytes
      return hasCapacity ? [caller, queue, waiter] : undefined
    }
    return undefined
  }

  function waitForTurn(bytes: number, claim: PixelClaim): Promise<void> {
    const { caller, signal, deadlineAt } = claim
    return new Promise((resolve, reject) => {
      const queue = queues.get(caller) ?? []
      const settle = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
      }
      const start = () => {
        settle()
        resolve()
      }
      const waiter = { bytes, start }
      const giveUp = () => {
        settle()
        queue.splice(queue.indexOf(waiter), 1)
        waiting--
        if (queue.length === 0 && queues.get(caller) === queue) queues.delete(caller)
        reject(serviceError(signal?.aborted ? 'IMG_ERR_CANCELLED' : 'IMG_ERR_AZURE_NOT_SENT', []))
        // It may have stood before work that fits.
        startWaiting()
      }
      const timer = setTimeout(giveUp, Math.min(deadlineAt - performance.now(), 2 ** 31 - 1)).unref()
      signal?.addEventListener('abort', giveUp, { once: true })
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
