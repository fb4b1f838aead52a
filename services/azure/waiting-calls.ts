import { type ServiceError, serviceError } from '../errors/errors.ts'
import { FairQueue } from './fair-queue.ts'

/** One call's place in the queue. It keeps the place when it has to rejoin. */
export interface Ticket {
  signal: AbortSignal
  /** `performance.now()` at which the call ends. */
  deadlineAt: number
  /** `performance.now()` at which waiting ends; not after `deadlineAt`. */
  waitUntil: number
  /** Whose call it is: callers take turns. */
  caller: string
  /** Set at the first `acquire`; the lowest goes first. */
  order?: number
  /** @param remainingMs estimates the milliseconds until the call's turn, as often as it is called */
  onQueued?: ((remainingMs: () => number) => void) | undefined
}

export interface Waiter {
  caller: string
  order: number
  isWaiting: boolean
  start(): void
  onQueued(): void
}

/** The calls that wait for their turn at a deployment: until they start, are cancelled, or have waited too long. */
export class WaitingCalls {
  readonly queue = new FairQueue<Waiter>()
  /** Those that have not been told that they wait. */
  readonly #untold: Waiter[] = []
  readonly #estimateMs: (waiter: Waiter) => number
  #nextOrder = 0

  /** @param estimateMs milliseconds until a call's turn */
  constructor(estimateMs: (waiter: Waiter) => number) {
    this.#estimateMs = estimateMs
  }

  /** Gives a call its place if it has none. */
  enter(ticket: Ticket): void {
    ticket.order ??= this.#nextOrder++
  }

  /**
   * @param until `performance.now()` at which waiting ends
   * @throws ServiceError IMG_ERR_AZURE_BUSY, IMG_ERR_CANCELLED, IMG_ERR_AZURE_NOT_SENT
   */
  wait(ticket: Ticket, until: number, hadTurn: boolean): Promise<void> {
    const { caller, order = 0, signal } = ticket
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        own.isWaiting = false
        clearTimeout(timer)
        signal.removeEventListener('abort', cancel)
        finish()
      }
      const abandon = (error: Error) => {
        this.queue.remove(own)
        settle(() => reject(error))
      }
      const cancel = () => abandon(serviceError('IMG_ERR_CANCELLED', []))
      const remainingMs = () => this.#estimateMs(own)
      const own: Waiter = {
        caller,
        order,
        isWaiting: true,
        start: () => settle(resolve),
        onQueued: () => ticket.onQueued?.(remainingMs),
      }
      const isLimited = until < ticket.deadlineAt
      const timer = setTimeout(
        () => abandon(isLimited ? busy(remainingMs()) : serviceError('IMG_ERR_AZURE_NOT_SENT', [])),
        Math.max(0, until - performance.now()),
      )
      signal.addEventListener('abort', cancel, { once: true })
      this.queue.add(own, hadTurn)
      this.#untold.push(own)
    })
  }

  /** Starts the call whose turn it is; with `caller`, if possible one of that caller. @returns whether there is any */
  startNext(caller?: string): boolean {
    const waiter = this.queue.take(caller) ?? this.queue.take()
    waiter?.start()
    return waiter !== undefined
  }

  /** Tells the calls that could not start at once that they wait. */
  announce(): void {
    for (const waiter of this.#untold.splice(0)) if (waiter.isWaiting) waiter.onQueued()
  }
}

/** The call was not sent, and could be sent in so many milliseconds. */
export function busy(estimateMs: number): ServiceError {
  const seconds = Math.max(1, Math.ceil(estimateMs / 1000))
  return serviceError('IMG_ERR_AZURE_BUSY', [seconds], { retryAfterMs: seconds * 1000 })
}
