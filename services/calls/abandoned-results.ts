import type { RequestId } from '../../schemas/json-rpc.ts'
import type { Logger } from '../logging/logger.ts'
import type { ToolResult } from '../mcp/catalog.ts'
import type { CallGuard, PendingCall } from '../mcp/method.ts'
import { fingerprintOf, ownerOf } from './call-digest.ts'
import type { DeliveryProof, DeliveryStep } from './delivery.ts'
import { contentOf, createResult, encodedBytesOf, imageBlocks, textBlocks, withImages } from './result-content.ts'
import type { Offer, Result } from './result-offer.ts'
import { createResultOffers, UNPROVEN_TTL_MS } from './result-offers.ts'
import { isThere } from './result-store.ts'

/** What became of a result that its client did not receive: a closed set for metrics. */
export type AbandonedEvent = 'abandoned' | 'kept' | 'joined' | 'received' | 'expired' | 'evicted' | 'failed'

export interface AbandonedResultsOptions {
  /** Where results are stored, so that a restart does not lose them. */
  folder: string
  /** Milliseconds that an abandoned result is stored. */
  ttlMs: number
  maxEntries: number
  /** Bytes on disk and in memory together. */
  maxBytes: number
  log: Logger
  onEvent?: (event: AbandonedEvent) => void
  /** How a paid response ended; `none`: the client proved nothing for a minute. */
  onDelivered?: (proof: DeliveryProof | 'none') => void
  /** Milliseconds after which a result whose delivery is not proved moves from memory to disk. 5,000 by default. */
  storeUnprovenAfterMs?: number
  /** The wall clock, which the next process shares. */
  now?: () => number
  /** Milliseconds on a clock that never jumps. */
  monotonic?: () => number
}

export interface AbandonedResults {
  /** Makes a call, or answers it with what an identical call has paid for and its client did not receive. */
  attend: CallGuard
  /**
   * A client says that it no longer waits for its request of this id. That stops nothing, since another client may use
   * the same id, but from now on an identical call joins it or receives its result.
   */
  suspect(caller: string, id: RequestId): void
  /** Results that wait for an identical call, those still running included. */
  readonly waiting: number
  /** Takes over what an earlier process stored. */
  load(): Promise<void>
  /** Stores what no client has proved to have, and waits until everything is on the disk. */
  close(): Promise<void>
}

/**
 * Milliseconds in which the end of a client's wait is noticed: its new call may overtake its disconnect or its notice of
 * cancellation on another connection.
 */
const NOTICE_MS = 250

const ABANDONED_NOTE =
  'This was made for your earlier, identical call, whose response you did not receive; nothing was paid again for it.'
const UNPROVEN_NOTE =
  'This was made for your identical call of a moment ago, because nothing shows that you received its response; nothing ' +
  'was paid again for it. For another image, send the call again with a new idempotency_key.'

/** One client's claim to a result, until it has it or never will. */
interface Handover {
  readonly result: Result
  /** As far as is known the client still waits for it, or has it and did not prove that yet. */
  readonly isAwaited: boolean
  /** The result is on its way to the client. */
  follow(): void
  /** The client no longer waits, or so it says. */
  abandon(): void
  close(): void
}

/**
 * Nothing paid for is lost: a call whose client disconnects runs to its end, its result is stored, and the identical call
 * of the same caller joins it or receives it. So does the result of a response that the client cannot have read. What was
 * delivered is forgotten, so that the next identical call is made anew.
 */
export function createAbandonedResults(options: AbandonedResultsOptions): AbandonedResults {
  const { now = Date.now, monotonic = () => performance.now() } = options
  const { onEvent = () => {}, onDelivered = () => {}, storeUnprovenAfterMs = 5_000 } = options
  const offers = createResultOffers({
    ...options,
    onEvent,
    onUnprovenDropped: () => onDelivered('none'),
    storeUnprovenAfterMs,
    now,
    monotonic,
  })
  /** Handovers under way, by caller and request id. */
  const underWay = new Map<string, Set<Handover>>()
  /** Results of whose clients an identical call waits to hear. */
  const inDoubt = new Set<Result>()

  function openHandover(result: Result, call: PendingCall, isRepeated: boolean): Handover {
    result.holders++
    let own: Offer | undefined
    let isOver = false
    let isFollowing = false
    let unproven: NodeJS.Timeout | undefined
    const key = keyOf(call.caller, call.id)

    function offer(kind: Offer['kind']): void {
      if (isOver || own?.isTaken === true || own?.kind === 'abandoned') return
      const earlier = own
      own = offers.put(result, kind, kind === 'abandoned' ? () => {} : close)
      if (earlier !== undefined) offers.withdraw(earlier)
      if (kind === 'abandoned') onEvent('abandoned')
    }

    function step(now: DeliveryStep): void {
      if (isOver) return
      switch (now.state) {
        case 'sent':
          // A result that was sent twice without a proof is not offered once more.
          if (isRepeated) unproven = setTimeout(giveUpWaiting, UNPROVEN_TTL_MS).unref()
          else offer('unproven')
          return
        case 'settling':
          offer('settling')
          return
        case 'delivered':
          if (own !== undefined && own.kind !== 'abandoned') offers.withdraw(own)
          onDelivered(now.proof)
          if (isRepeated) onEvent('received')
          call.log.debug({ proof: now.proof }, 'result delivered')
          break
        case 'abandoned':
          call.log.info({}, 'the connection broke before the client can have read the whole result')
          offer('abandoned')
      }
      close()
    }

    function giveUpWaiting(): void {
      onDelivered('none')
      close()
    }

    function close(): void {
      if (isOver) return
      isOver = true
      clearTimeout(unproven)
      call.signal.removeEventListener('abort', disconnected)
      const others = underWay.get(key)
      others?.delete(handover)
      if (others?.size === 0) underWay.delete(key)
      offers.wake(result)
      offers.drop(result)
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
        call.response.track().watch(step)
      },
      abandon: () => offer('abandoned'),
      close,
    }
    underWay.set(key, (underWay.get(key) ?? new Set()).add(handover))
    if (call.signal.aborted) disconnected()
    else call.signal.addEventListener('abort', disconnected, { once: true })
    return handover
  }

  /** The one identical call whose client still waits; undefined too where there are several, which are meant to be. */
  function onlyTwin({ owner, fingerprint }: Identity): Result | undefined {
    const [twin, another] = [...underWay.values()]
      .flatMap((handovers) => [...handovers])
      .filter(({ result, isAwaited }) => isAwaited && result.owner === owner && result.fingerprint() === fingerprint())
    return another === undefined ? twin?.result : undefined
  }

  /** Waits a moment for the news that the client of an identical call does not wait for it any more. */
  async function hearOfTwin(call: PendingCall, twin: Result): Promise<void> {
    inDoubt.add(twin)
    const enough = AbortSignal.any([call.signal, AbortSignal.timeout(NOTICE_MS)])
    await offers.changeOf(twin, enough)
    inDoubt.delete(twin)
  }

  /** The result of an identical call. Undefined: there is nothing after all. */
  async function deliver(offer: Offer, call: PendingCall): Promise<ToolResult | undefined> {
    offers.take(offer)
    onEvent('joined')
    const { result } = offer
    const handover = openHandover(result, call, true)
    offers.drop(result)
    const content = await result.content
    // A file that somebody removed is found out now, and not in the middle of a response.
    const isLost = content?.file !== undefined && !(await isThere(content.file))
    if (isLost) onEvent('failed')
    if (content === undefined || isLost) {
      handover.close()
      return undefined
    }
    const texts = textBlocks(content.texts, offer.kind === 'abandoned' ? ABANDONED_NOTE : UNPROVEN_NOTE)
    if (call.signal.aborted) {
      handover.close()
      return { content: texts }
    }
    call.log.info({ images: content.images.length }, 'an identical call receives a result that was not delivered')
    const images = content.images.map((image) => image.clone())
    handover.follow()
    return { content: [...texts, ...imageBlocks(images)] }
  }

  async function attendAnew(
    call: PendingCall,
    identity: Identity,
    run: () => Promise<ToolResult>,
  ): Promise<ToolResult> {
    const running = run()
    const content = running.then(contentOf, () => undefined)
    const result = createResult(identity, content)
    const handover = openHandover(result, call, false)
    try {
      const made = await running
      const { images = [] } = (await content) ?? {}
      result.bytes = encodedBytesOf(images)
      if (images.length === 0 || call.signal.aborted) {
        handover.close()
        return images.length === 0 ? made : { content: made.content.filter(({ type }) => type === 'text') }
      }
      const shared = images.map((image) => image.clone())
      handover.follow()
      return { ...made, content: withImages(made, shared) }
    } catch (error) {
      handover.close()
      throw error
    }
  }

  return {
    get waiting() {
      return offers.count
    },

    async attend(call, run) {
      if (call.isReadOnly === true) return await run()
      const identity = identityOf(call)
      let hasWaited = false
      while (!call.signal.aborted) {
        const offer = offers.find(identity.owner, identity.fingerprint, call.response.openedAt)
        if (offer?.kind === 'settling') {
          await offers.changeOf(offer.result, call.signal)
        } else if (offer !== undefined) {
          // Found and taken in one turn, so that no two calls take the same.
          const handed = await deliver(offer, call)
          if (handed !== undefined) return handed
        } else {
          const twin = hasWaited ? undefined : onlyTwin(identity)
          if (twin === undefined || inDoubt.has(twin)) break
          await hearOfTwin(call, twin)
          hasWaited = true
        }
      }
      return await attendAnew(call, identity, run)
    },

    suspect(caller, id) {
      for (const handover of underWay.get(keyOf(caller, id)) ?? []) handover.abandon()
    },

    load: offers.load,
    close: offers.close,
  }
}

const keyOf = (caller: string, id: RequestId) => JSON.stringify([caller, id])

type Identity = Pick<Result, 'owner' | 'fingerprint'>

function identityOf(call: PendingCall): Identity {
  let known: string | undefined
  return {
    owner: ownerOf(call.caller),
    fingerprint() {
      known ??= fingerprintOf(call)
      return known
    },
  }
}
