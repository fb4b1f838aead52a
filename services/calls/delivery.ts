/**
 * What became of a response, as its transport knows it. That the kernel took the last byte proves nothing: a client may
 * never read it. So a transport tells what the client did afterwards, and only that counts.
 */

/** What shows that a client has a response whole: a closed set, for metrics. */
export type DeliveryProof =
  /** Its next request came on the same connection. */
  | 'next_request'
  /** It ended the connection in order after the last byte, and no reset followed. */
  | 'clean_end'
  /** A proxy took all of it; what happens behind it cannot be seen. */
  | 'proxy'
  /** The pipe took all of it and is still open. */
  | 'flushed'

export type DeliveryStep =
  /** The kernel has the last byte; the client has proved nothing yet. */
  | { state: 'sent' }
  /** It looks delivered, but a reset may still follow within the next moment. */
  | { state: 'settling' }
  | { state: 'delivered'; proof: DeliveryProof }
  /** The connection broke before the client can have read all of it. */
  | { state: 'abandoned' }

/** A response on its way. */
export interface Delivery {
  /** Calls back at each step from now on, and at once with the last step that there was. */
  watch(listener: (step: DeliveryStep) => void): void
}

/** The way back to the client of one request. */
export interface ResponsePath {
  /** `performance.now()` at which the client's connection was opened. */
  readonly openedAt: number
  /** Follows the response from now on; the same object for every call of a batch. */
  track(): Delivery
}

/** A delivery and the transport's hand on it. After `delivered` or `abandoned` nothing changes any more. */
export function createDelivery(): { delivery: Delivery; advance(step: DeliveryStep): void } {
  const listeners: ((step: DeliveryStep) => void)[] = []
  let last: DeliveryStep | undefined
  return {
    delivery: {
      watch(listener) {
        listeners.push(listener)
        if (last !== undefined) listener(last)
      },
    },
    advance(step) {
      if (last?.state === 'delivered' || last?.state === 'abandoned') return
      last = step
      for (const listener of listeners) listener(step)
    },
  }
}
