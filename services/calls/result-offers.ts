import type { Logger } from '../logging/logger.ts'
import { selectEvicted, useOf } from './fair-eviction.ts'
import { createResultStore, type ResultIdentity, type ResultStore, type StoredResult } from './result-store.ts'

export interface ResultOffersOptions {
  /** Where results are stored, so that a restart does not lose them. */
  folder: string
  /** Milliseconds that an abandoned result is stored. */
  ttlMs: number
  maxEntries: number
  /** Bytes on disk and in memory together. */
  maxBytes: number
  log: Logger
  onEvent: (event: 'stored' | 'expired' | 'evicted') => void
  /** An unproven result was dropped. */
  onUnprovenDropped: () => void
  /** Milliseconds after which an unproven result moves from memory to disk. */
  storeUnprovenAfterMs: number
  /** The wall clock, which the next process shares. */
  now: () => number
  /** Milliseconds on a clock that never jumps. */
  monotonic: () => number
}

/** A result that an identical call may receive. */
export interface Offer {
  readonly result: StoredResult
  /**
   * `abandoned`: for the next identical call. `unproven`: for one on a connection that was opened after the response was
   * sent. `settling`: whether it was delivered will be known within a moment.
   */
  readonly kind: 'abandoned' | 'unproven' | 'settling'
  /** On the monotonic clock, as `expiresAt`. */
  readonly sentAt: number
  /** Infinity while the call runs. */
  expiresAt: number
  isTaken: boolean
  timer?: NodeJS.Timeout
  /** The offer's hold on its result. */
  release(): void
  /** The offer expired or was evicted. */
  onDropped(): void
}

/** Results on offer to identical calls: bounded, written to disk, and dropped when they expire. */
export interface ResultOffers {
  readonly store: ResultStore
  /** @param onDropped called when the offer expires or is evicted */
  put(result: StoredResult, kind: Offer['kind'], onDropped: () => void): Offer
  /** Removes an offer from the list for delivery; the caller releases it. */
  take(offer: Offer): void
  /** Removes an offer that was not delivered. */
  withdraw(offer: Offer): void
  /** @param openedAt when the connection of the new call was opened */
  find(identity: ResultIdentity, openedAt: number): Offer | undefined
  /** Resolves when an offer of the result is added or removed, at the next `wake`, or when the signal fires. */
  changeOf(result: StoredResult, signal: AbortSignal): Promise<void>
  wake(result: StoredResult): void
  readonly count: number
  /** Takes over what an earlier process stored. */
  load(): Promise<void>
  /** Stores what is unproven, and waits until everything is on disk. */
  close(): Promise<void>
}

const PURGE_EVERY_MS = 15_000
/** Milliseconds for which an unproven result is offered to an identical call on a newer connection. */
export const UNPROVEN_TTL_MS = 60_000

export function createResultOffers(options: ResultOffersOptions): ResultOffers {
  const { ttlMs, log, onEvent, storeUnprovenAfterMs, now, monotonic } = options
  const store = createResultStore(options)
  /** In order of age. */
  const offers = new Set<Offer>()
  const waiting = new Map<StoredResult, PromiseWithResolvers<void>>()

  function wake(result: StoredResult): void {
    waiting.get(result)?.resolve()
    waiting.delete(result)
  }

  function put(result: StoredResult, kind: Offer['kind'], onDropped: () => void): Offer {
    // The arguments may have been released when an identical call arrives.
    result.fingerprint()
    const sentAt = monotonic()
    const expiresAt = kind === 'abandoned' ? (result.expiresAt ?? Number.POSITIVE_INFINITY) : sentAt + UNPROVEN_TTL_MS
    const offer: Offer = { result, kind, sentAt, expiresAt, isTaken: false, release: result.hold(), onDropped }
    offers.add(offer)
    if (kind === 'abandoned') {
      wake(result)
      // Not awaited on shutdown: Azure may never end the call.
      void storeAbandoned(offer)
    } else if (kind === 'unproven') {
      offer.timer = setTimeout(() => void storeUnproven(offer), storeUnprovenAfterMs).unref()
    }
    return offer
  }

  function take(offer: Offer): void {
    clearTimeout(offer.timer)
    offer.isTaken = true
    offers.delete(offer)
    wake(offer.result)
  }

  function withdraw(offer: Offer): void {
    if (offer.isTaken) return
    take(offer)
    offer.release()
  }

  function dropOffer(offer: Offer, event: 'expired' | 'evicted'): void {
    withdraw(offer)
    if (offer.kind === 'abandoned') onEvent(event)
    else options.onUnprovenDropped()
    offer.onDropped()
  }

  function purge(): void {
    for (const offer of offers) if (offer.expiresAt <= monotonic()) dropOffer(offer, 'expired')
  }

  const isLikelyDelivered = ({ kind, sentAt }: Offer) =>
    kind === 'unproven' && sentAt + storeUnprovenAfterMs <= monotonic()

  /** Enforces the bounds: of the caller that stores most, what was probably delivered is evicted first, then the oldest. */
  function evict(): void {
    const all = [...offers]
    const ordered = [...all.filter(isLikelyDelivered), ...all.filter((one) => !isLikelyDelivered(one))]
    for (const index of selectEvicted(ordered.map(useOf), options)) {
      const offer = ordered[index]
      if (offer === undefined) continue
      log.warn({ bytes: offer.result.bytes }, 'abandoned result evicted, because too many are stored')
      dropOffer(offer, 'evicted')
    }
  }

  async function storeAbandoned(offer: Offer): Promise<void> {
    const { result } = offer
    const content = await result.content
    // The call failed, which has been logged.
    if (content === undefined) return withdraw(offer)
    result.expiresAt ??= monotonic() + ttlMs
    offer.expiresAt = result.expiresAt
    if (content.file === undefined || content.file.header.isUnproven === true) {
      await result.write(result.expiresAt - monotonic(), false)
      onEvent('stored')
    }
    evict()
  }

  async function storeUnproven(offer: Offer): Promise<void> {
    clearTimeout(offer.timer)
    if (offer.isTaken || (await offer.result.content)?.file !== undefined) return
    await offer.result.write(Math.max(0, offer.expiresAt - monotonic()), true)
    evict()
  }

  const timer = setInterval(purge, PURGE_EVERY_MS).unref()

  return {
    store,
    put,
    take,
    withdraw,
    find({ owner, fingerprint }, openedAt) {
      purge()
      // By owner first: a fingerprint hashes the images of the call.
      return offers
        .values()
        .find(
          ({ result, kind, sentAt }) =>
            result.owner === owner &&
            result.fingerprint() === fingerprint() &&
            (kind !== 'unproven' || openedAt > sentAt),
        )
    },
    changeOf(result, signal) {
      const change = waiting.get(result) ?? Promise.withResolvers<void>()
      waiting.set(result, change)
      const { promise, resolve } = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => resolve(), { once: true })
      return Promise.race([change.promise, promise])
    },
    wake,
    get count() {
      return offers.size
    },

    async load() {
      for (const { result, file } of await store.load()) {
        const { expiresAt, isUnproven = false } = file.header
        // The clock may have been set back since.
        const leftMs = Math.min(isUnproven ? UNPROVEN_TTL_MS : ttlMs, expiresAt - now())
        result.expiresAt = monotonic() + leftMs
        offers.add({
          result,
          kind: isUnproven ? 'unproven' : 'abandoned',
          // Before any connection of this process was opened.
          sentAt: Number.NEGATIVE_INFINITY,
          expiresAt: result.expiresAt,
          isTaken: false,
          release: result.hold(),
          onDropped() {},
        })
      }
      evict()
    },

    async close() {
      clearInterval(timer)
      await Promise.all([...offers].filter(({ kind }) => kind === 'unproven').map(storeUnproven))
      await store.idle()
    },
  }
}
