import { Rejection } from '../errors/rejection.ts'
import type { Logger } from '../logging/logger.ts'
import { createInFlight, type InFlight, idleWithin } from './in-flight.ts'
import type { PaidCall } from './paid-calls.ts'
import type { CallContext } from './types.ts'

/** What the end of the grace period forces to respond. */
export interface ForceClosable {
  forceClose(): void
}

/** Requests whose responses a shutdown waits for. */
export interface Drain {
  readonly isClosing: boolean
  /** Counts a request until its `exit`. @throws Rejection 503 during shutdown */
  enter(request: ForceClosable): void
  /** Its response was sent; does nothing for a request that did not enter. */
  exit(request: ForceClosable): void
  /** Calls back when the grace period is over: what still runs must respond now. */
  onForceClose(callback: () => void): void
  /** Rejects new requests, waits for running ones and for calls, and after the grace period forces the rest to respond. */
  close(graceMs: number): Promise<void>
}

/** Milliseconds for the last responses to be sent after the grace period. */
export const LAST_RESPONSES_MS = 1_000
const RETRY_AFTER_MS = 2_000

export interface RunningCalls {
  inFlight: InFlight
  paidCalls(): readonly PaidCall[]
}

/**
 * What a call gets that the end of the grace period cuts off. Clients and proxies repeat a 503 by themselves, so it is one
 * only while Azure has no request of the call: otherwise they would pay a second time.
 */
export function cutOffRejection({ sentRequests }: Pick<CallContext, 'sentRequests'>): Rejection {
  const sentence = 'The service is shutting down, and the call did not end in time.'
  return sentRequests > 0
    ? new Rejection(504, `${sentence} The image may have been generated and billed; a retry may cost again.`)
    : new Rejection(503, `${sentence} Nothing was generated or billed.`, { retryAfterMs: RETRY_AFTER_MS })
}

export function createDrain({ inFlight: calls, paidCalls }: RunningCalls, log: Logger, onRejected: () => void): Drain {
  const requests = createInFlight()
  const entered = new Set<ForceClosable>()
  const callbacks = new Set<() => void>()
  let isClosing = false

  return {
    get isClosing() {
      return isClosing
    },
    enter(request) {
      if (isClosing) {
        onRejected()
        const sentence = `The service is shutting down; retry in ${RETRY_AFTER_MS / 1000} s.`
        throw new Rejection(503, sentence, { retryAfterMs: RETRY_AFTER_MS })
      }
      requests.enter()
      entered.add(request)
    },
    exit(request) {
      if (entered.delete(request)) requests.exit()
    },
    onForceClose: (callback) => void callbacks.add(callback),
    async close(graceMs) {
      isClosing = true
      const running = () => ({ open: requests.count, calls: calls.count })
      if (requests.count + calls.count > 0) log.info(running(), 'waiting for running requests')
      // Logged before the wait, because the system may kill the process long before the grace period is over.
      for (const call of paidCalls())
        log.info({ ...call, graceMs }, 'waiting for a paid call; its outcome is unknown if this is killed')
      if (await idleWithin(graceMs, [requests, calls])) return
      log.warn(running(), 'force-closing remaining requests')
      for (const callback of callbacks) callback()
      for (const request of entered) request.forceClose()
      await idleWithin(LAST_RESPONSES_MS, [requests, calls])
      for (const call of paidCalls()) {
        log.error(
          { ...call, outcome: 'unknown' },
          'a paid call did not end in time: its image may be generated and billed',
        )
      }
    },
  }
}
