/**
 * What became of a response, as its transport reports it. That the kernel took the last byte proves nothing, since the
 * client may never read it: only what the client does afterwards counts.
 */

/** What shows that a client has the whole response: a closed set, for metrics. */
export const deliveryProofs = [
  /** Its next request came on the same connection. */
  'next_request',
  /** It ended the connection in order after the last byte, and no reset followed. */
  'clean_end',
  /** A proxy took all of it; what happens behind the proxy cannot be seen. */
  'proxy',
  /** The pipe took all of it and is still open. */
  'flushed',
] as const
export type DeliveryProof = (typeof deliveryProofs)[number]

export type DeliveryStep =
  /** The kernel has the last byte; the client has proved nothing yet. */
  | { state: 'sent' }
  /** It looks delivered, but a reset may still follow within the next moment. */
  | { state: 'settling' }
  | { state: 'delivered'; proof: DeliveryProof }
  /** The connection broke before the client can have read all of it. */
  | { state: 'abandoned' }

export type DeliveryListener = (step: DeliveryStep) => void

/** A response on its way; one for all calls of a batch. */
export interface Delivery {
  /** `performance.now()` at which the client's connection was opened. */
  readonly openedAt: number
  /** Calls back at each step from now on, and at once with the last step. The first watcher starts the tracking. */
  watch(listener: DeliveryListener): void
}

/** A delivery and the transport's control of it. After `delivered` or `abandoned` nothing changes any more. */
export interface ReportedDelivery extends Delivery {
  report: DeliveryListener
}

/** @param track starts the tracking; called once, for the first watcher */
export function createDelivery(openedAt: number, track: () => void = () => {}): ReportedDelivery {
  const listeners: DeliveryListener[] = []
  let last: DeliveryStep | undefined
  return {
    openedAt,
    watch(listener) {
      const current = last
      listeners.push(listener)
      if (current !== undefined) listener(current)
      else if (listeners.length === 1) track()
    },
    report(step) {
      if (last?.state === 'delivered' || last?.state === 'abandoned') return
      last = step
      for (const listener of listeners) listener(step)
    },
  }
}
