import type { RequestId } from '../../schemas/json-rpc.ts'
import type { DeliveryProof, DeliveryStep } from './delivery.ts'
import { type Offer, type ResultOffers, UNPROVEN_TTL_MS } from './result-offers.ts'
import type { StoredResult } from './stored-result.ts'
import type { Call } from './types.ts'

/** One client's claim to a result, until the result is delivered or abandoned. */
export interface Handover {
  readonly result: StoredResult
  /** Whether the client still seems to wait, or may have the result without proof so far. */
  readonly isAwaited: boolean
  /** The result is being sent to the client: from now on what the client proves counts. */
  follow(): void
  /** The client disconnected, or reports that it no longer waits. */
  abandon(): void
  close(): void
}

/** All handovers under way. */
export interface Handovers extends Iterable<Handover> {
  /** @param isRepeated whether the result was already sent to a client */
  open(result: StoredResult, call: Call, isRepeated: boolean): Handover
  /** The handovers of the client's requests with this id. */
  of(caller: string, requestId: RequestId): Iterable<Handover>
}

export interface HandoverObserver {
  onEvent(event: 'abandoned' | 'received'): void
  onDelivered(proof: DeliveryProof | 'none'): void
}

export function createHandovers(offers: ResultOffers, { onEvent, onDelivered }: HandoverObserver): Handovers {
  const underWay = new Map<Handover, string>()

  function open(result: StoredResult, call: Call, isRepeated: boolean): Handover {
    const { signal, delivery, log, caller } = call.context
    const release = result.hold()
    let own: Offer | undefined
    let isClosed = false
    let isFollowing = false
    let unproven: NodeJS.Timeout | undefined

    function offer(kind: Offer['kind']): void {
      if (isClosed || own?.isTaken === true || own?.kind === 'abandoned') return
      const earlier = own
      own = offers.put(result, kind, kind === 'abandoned' ? () => {} : close)
      if (earlier !== undefined) offers.withdraw(earlier)
      if (kind === 'abandoned') onEvent('abandoned')
    }

    function advance(step: DeliveryStep): void {
      if (isClosed) return
      switch (step.state) {
        case 'sent':
          // A result that was sent twice without proof is not offered again.
          if (isRepeated) unproven = setTimeout(stopWaiting, UNPROVEN_TTL_MS).unref()
          else offer('unproven')
          return
        case 'settling':
          offer('settling')
          return
        case 'delivered': {
          const isOffered = own !== undefined && (own.isTaken || own.kind === 'abandoned')
          if (own !== undefined && own.kind !== 'abandoned') offers.withdraw(own)
          // What becomes of it behind the proxy only the client can say.
          if (step.proof === 'proxy' && call.isRetry !== undefined && !isOffered) {
            offers.put(result, 'proxied', () => {})
          }
          onDelivered(step.proof)
          if (isRepeated) onEvent('received')
          log.debug({ proof: step.proof }, 'result delivered')
          break
        }
        case 'abandoned':
          log.info({}, 'connection broke before the client can have read the whole result')
          offer('abandoned')
      }
      close()
    }

    function stopWaiting(): void {
      onDelivered('none')
      close()
    }

    function close(): void {
      if (isClosed) return
      isClosed = true
      clearTimeout(unproven)
      signal.removeEventListener('abort', disconnected)
      underWay.delete(handover)
      offers.wake(result)
      release()
    }

    function disconnected(): void {
      offer('abandoned')
      if (isFollowing) close()
    }

    const handover: Handover = {
      result,
      get isAwaited() {
        return own?.kind !== 'abandoned'
      },
      follow() {
        isFollowing = true
        delivery.watch(advance)
      },
      abandon: () => offer('abandoned'),
      close,
    }
    underWay.set(handover, keyOf(caller.id, call.requestId))
    if (signal.aborted) disconnected()
    else signal.addEventListener('abort', disconnected, { once: true })
    return handover
  }

  return {
    open,
    of(caller, requestId) {
      const key = keyOf(caller, requestId)
      return [...underWay].filter(([, each]) => each === key).map(([handover]) => handover)
    },
    [Symbol.iterator]: () => underWay.keys(),
  }
}

const keyOf = (caller: string, requestId: RequestId) => JSON.stringify([caller, requestId])
