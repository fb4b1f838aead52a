import type { RequestId } from '../../schemas/json-rpc.ts'
import type { Caller } from '../auth/authenticator.ts'
import { fingerprintOf, outlineOf, ownerOf, shareOf } from './call-digest.ts'
import type { DeliveryProof } from './delivery.ts'
import { createHandovers } from './handover.ts'
import { contentOf, repeatResult } from './result-content.ts'
import { createResultOffers, type Offer, type ResultOffersOptions } from './result-offers.ts'
import type { CallIdentity, RunningCalls } from './running-calls.ts'
import type { ResultIdentity, StoredResult } from './stored-result.ts'
import type { Around, Call, ToolResult } from './types.ts'

/** What became of a result that its client did not receive: a closed set for metrics. */
export const abandonedEvents = ['abandoned', 'stored', 'joined', 'received', 'expired', 'evicted', 'failed'] as const
export type AbandonedEvent = (typeof abandonedEvents)[number]

type Defaulted = 'storeUnprovenAfterMs' | 'now' | 'monotonic'

/** `storeUnprovenAfterMs` is 5,000 by default. */
export interface AbandonedResultsOptions
  extends Omit<ResultOffersOptions, 'onEvent' | 'onUnprovenDropped' | Defaulted>,
    Partial<Pick<ResultOffersOptions, Defaulted>> {
  /** Whether other processes may store results in the same folder; true by default. */
  isFolderShared?: boolean
  /** The calls of other replicas, whose results this one can find; undefined: there are none. */
  runningCalls?: RunningCalls | undefined
  onEvent?: (event: AbandonedEvent) => void
  /** How a paid response was delivered; `none`: the client proved nothing for a minute. */
  onDelivered?: (proof: DeliveryProof | 'none') => void
}

export interface AbandonedResults {
  /** Makes a call, or returns what an identical call has paid for and its client did not receive. */
  around: Around
  /**
   * A client reports that it no longer waits for its request of this id. That stops nothing, since another client may use
   * the same id, but from now on an identical call joins it or receives its result.
   */
  suspect(caller: Caller, requestId: RequestId): void
  /** Results that wait for an identical call, those of running calls included. */
  readonly waiting: number
  /** Takes over what an earlier process stored. */
  load(): Promise<void>
  /** Stores what no client has proven to have, and waits until everything is on disk. */
  close(): Promise<void>
}

/**
 * Milliseconds in which the end of a client's wait is noticed: its new call may overtake its disconnect or its notice of
 * cancellation on another connection.
 */
const NOTICE_MS = 500

/** Messages of other replicas may get lost. */
const CHECK_EVERY_MS = 2_000

const ABANDONED_NOTE =
  'This was made for your earlier, identical call, whose response you did not receive; nothing was paid again for it.'
const UNPROVEN_NOTE =
  'This was made for your identical call of a moment ago, because nothing shows that you received its response; nothing ' +
  'was paid again for it. For another image, send the call again with a new idempotency_key.'

/**
 * Nothing paid for is lost: a call whose client disconnects runs to its end, its result is stored, and the identical call
 * of the same caller joins it or receives it. So does the result of a response that the client cannot have read. A
 * delivered result is dropped, so that the next identical call generates a new one.
 */
export function createAbandonedResults(options: AbandonedResultsOptions): AbandonedResults {
  const { now = Date.now, monotonic = () => performance.now() } = options
  const {
    onEvent = () => {},
    onDelivered = () => {},
    storeUnprovenAfterMs = 5_000,
    isFolderShared = true,
    runningCalls,
  } = options
  const offers = createResultOffers({
    ...options,
    onEvent,
    onUnprovenDropped: () => onDelivered('none'),
    storeUnprovenAfterMs,
    now,
    monotonic,
  })
  const handovers = createHandovers(offers, { onEvent, onDelivered })
  /** Results about whose clients an identical call waits for news. */
  const inDoubt = new Set<StoredResult>()

  /** Identical calls whose clients still wait. */
  const twinsOf = ({ owner, fingerprint }: ResultIdentity): readonly StoredResult[] =>
    [...handovers].flatMap(({ result, isAwaited }) =>
      isAwaited && result.owner === owner && result.fingerprint() === fingerprint() ? [result] : [],
    )

  /** The one identical call whose client still waits; undefined also if there are several, which are then intended. */
  function onlyTwin(identity: ResultIdentity): StoredResult | undefined {
    const [twin, another] = twinsOf(identity)
    return another === undefined ? twin : undefined
  }

  /** What a proxy took and its client did not get, as that client says; a call that still runs may be meant as well. */
  function findLost({ isRetry, context }: Call, identity: ResultIdentity): Offer | undefined {
    const isLost = isRetry === true && !context.isCancelled && twinsOf(identity).length === 0
    return isLost ? offers.findProxied(identity) : undefined
  }

  /** Waits a moment for the news that the client of an identical call no longer waits for it. */
  async function waitForNews({ context }: Call, twin: StoredResult): Promise<void> {
    inDoubt.add(twin)
    await offers.changeOf(twin, AbortSignal.any([context.signal, AbortSignal.timeout(NOTICE_MS)]))
    inDoubt.delete(twin)
  }

  /**
   * Waits for an identical call of another replica, whose result is found afterwards like any stored one.
   * @returns false: there is none
   */
  async function waitElsewhere({ context }: Call, identity: CallIdentity, mayWait: boolean): Promise<boolean> {
    const found = await runningCalls?.find(identity, mayWait)
    if (found === undefined) return false
    if (found.state === 'awaited') {
      await found.change(NOTICE_MS, context.signal)
      return true
    }
    // The call that it joins may have been sent.
    context.sentRequests++
    while (!context.isCancelled && performance.now() < context.deadlineAt && (await found.isRunning())) {
      await found.change(CHECK_EVERY_MS, context.signal)
    }
    context.sentRequests--
    if (context.isCancelled) found.release()
    return true
  }

  /** The result of an identical call. Undefined: it failed, or its file was removed. */
  async function deliver(offer: Offer, call: Call): Promise<ToolResult | undefined> {
    offers.take(offer)
    onEvent('joined')
    // The call that it joins may have been sent.
    call.context.sentRequests++
    const handover = handovers.open(offer.result, call, true)
    offer.release()
    // A missing file, or one that another process delivers, is found here, and not in the middle of a response.
    const content = (await offer.result.claim()) ? await offer.result.read(call.context) : undefined
    if (content === undefined) {
      if ((await offer.result.content) !== undefined) onEvent('failed')
      call.context.sentRequests--
      handover.close()
      return undefined
    }
    const note = offer.kind === 'unproven' ? UNPROVEN_NOTE : ABANDONED_NOTE
    const result = repeatResult(content, note, call.context)
    if (call.context.isCancelled) handover.close()
    else {
      call.context.log.info({ images: content.images.length }, 'abandoned result delivered to an identical call')
      handover.follow()
    }
    return result
  }

  async function makeCall(call: Call, identity: Identity, next: () => Promise<ToolResult>): Promise<ToolResult> {
    const running = next()
    const result = offers.store.create(
      identity,
      running.then(contentOf, () => undefined),
    )
    result.running = runningCalls?.enter(identity)
    const handover = handovers.open(result, call, false)
    try {
      const response = await running
      const hasImages = (await result.content) !== undefined
      if (handover.isAwaited || !hasImages) result.running?.end()
      if (!hasImages || call.context.isCancelled) handover.close()
      else handover.follow()
      return response
    } catch (error) {
      result.running?.end()
      handover.close()
      throw error
    }
  }

  return {
    get waiting() {
      return offers.count
    },

    async around(call, next) {
      if (call.cost === 0) return await next()
      const { context } = call
      const identity = identityOf(call)
      let hasLooked = !isFolderShared
      let hasWaited = false
      while (!context.isCancelled) {
        const offer = offers.find(identity, context.delivery.openedAt)
        if (offer?.kind === 'settling') {
          await offers.changeOf(offer.result, context.signal)
        } else if (offer !== undefined) {
          // No await between finding and claiming it, so that no two calls get the same result.
          const delivered = await deliver(offer, call)
          if (delivered !== undefined) return delivered
        } else if (!hasLooked) {
          hasLooked = true
          const elsewhere = await offers.findElsewhere(identity, context.delivery.openedAt)
          const delivered = elsewhere && (await deliver(elsewhere, call))
          if (delivered !== undefined) return delivered
        } else {
          const twin = hasWaited ? undefined : onlyTwin(identity)
          if (twin !== undefined && !inDoubt.has(twin)) await waitForNews(call, twin)
          else if (runningCalls === undefined || !(await waitElsewhere(call, identity, !hasWaited))) break
          else hasLooked = false
          hasWaited = true
        }
      }
      const lost = findLost(call, identity)
      return (lost && (await deliver(lost, call))) ?? (await makeCall(call, identity, next))
    },

    suspect(caller, requestId) {
      for (const handover of handovers.of(caller.id, requestId)) handover.abandon()
    },

    load: offers.load,
    close: offers.close,
  }
}

type Identity = ResultIdentity & CallIdentity

/** Of the call as its client made it, whatever its arguments become. */
function identityOf(call: Call): Identity {
  let fingerprint: string | undefined
  const asSent = { ...call }
  return {
    owner: ownerOf(call.context.caller),
    share: shareOf(call.context.caller),
    fingerprint() {
      fingerprint ??= fingerprintOf(asSent)
      return fingerprint
    },
    outline: () => outlineOf(asSent),
  }
}
