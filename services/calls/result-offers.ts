import type { Logger } from '../logging/logger.ts'
import { selectEvicted, useOf } from './fair-eviction.ts'
import { createNews } from './news.ts'
import type { ResultHeader } from './result-file.ts'
import { createResultStore, type ResultStore } from './result-store.ts'
import type { ResultIdentity, ResultStoreOptions, StoredResult } from './stored-result.ts'

export interface ResultOffersOptions {
  /** Where results are stored, so that a restart does not lose them. */
  folder: string
  /** See `ResultStoreOptions`. */
  shared?: ResultStoreOptions['shared']
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
   * sent. `settling`: whether it was delivered will be known within a moment. `proxied`: a proxy has it, so it is only for a
   * call whose client says that it has no response.
   */
  readonly kind: 'abandoned' | 'unproven' | 'settling' | 'proxied'
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
  /** The last result that a proxy took from an identical call. */
  findProxied(identity: ResultIdentity): Offer | undefined
  /** What another process on the same folder offers; to be taken at once, because it is not on the list. */
  findElsewhere(identity: ResultIdentity, openedAt: number): Promise<Offer | undefined>
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
  const changes = createNews<StoredResult>()

  function put(result: StoredResult, kind: Offer['kind'], onDropped: () => void): Offer {
    // The arguments may have been released when an identical call arrives.
    result.fingerprint()
    const sentAt = monotonic()
    const expiresAt = kind === 'abandoned' ? (result.expiresAt ?? Number.POSITIVE_INFINITY) : sentAt + UNPROVEN_TTL_MS
    const offer: Offer = { result, kind, sentAt, expiresAt, isTaken: false, release: result.hold(), onDropped }
    offers.add(offer)
    if (kind === 'abandoned') {
      result.running?.set('abandoned')
      changes.wake(result)
      // Not awaited on shutdown: Azure may never end the call.
      void storeAbandoned(offer)
    } else if (kind === 'unproven') {
      result.release()
      offer.timer = setTimeout(() => void storeUnproven(offer), storeUnprovenAfterMs).unref()
    } else if (kind === 'proxied') evict()
    return offer
  }

  function offerOf(
    result: StoredResult,
    { expiresAt, isUnproven = false }: Pick<ResultHeader, 'expiresAt' | 'isUnproven'>,
  ): Offer {
    // The clock may have been set back since.
    const leftMs = Math.min(isUnproven ? UNPROVEN_TTL_MS : ttlMs, expiresAt - now())
    result.expiresAt = monotonic() + leftMs
    return {
      result,
      kind: isUnproven ? 'unproven' : 'abandoned',
      // Before any connection of this process was opened.
      sentAt: Number.NEGATIVE_INFINITY,
      expiresAt: result.expiresAt,
      isTaken: false,
      release: result.hold(),
      onDropped() {},
    }
  }

  function take(offer: Offer): void {
    clearTimeout(offer.timer)
    offer.isTaken = true
    if (offer.kind === 'abandoned') offer.result.running?.set('awaited')
    offers.delete(offer)
    changes.wake(offer.result)
  }

  function withdraw(offer: Offer): void {
    if (offer.isTaken) return
    take(offer)
    offer.release()
  }

  function dropOffer(offer: Offer, event: 'expired' | 'evicted'): void {
    withdraw(offer)
    if (offer.kind === 'abandoned') onEvent(event)
    else if (offer.kind !== 'proxied') options.onUnprovenDropped()
    offer.onDropped()
  }

  function purge(): void {
    for (const offer of offers) if (offer.expiresAt <= monotonic()) dropOffer(offer, 'expired')
  }

  const isLikelyDelivered = ({ kind, sentAt }: Offer) =>
    kind === 'proxied' || (kind === 'unproven' && sentAt + storeUnprovenAfterMs <= monotonic())

  /** Enforces the bounds: of the caller that stores most, what was probably delivered is evicted first, then the oldest. */
  function evict(): void {
    const all = [...offers]
    const ordered = [...all.filter(isLikelyDelivered), ...all.filter((one) => !isLikelyDelivered(one))]
    for (const index of selectEvicted(ordered.map(useOf), options)) {
      const offer = ordered[index]
      if (offer === undefined) continue
      if (offer.kind !== 'proxied') {
        log.warn({ bytes: offer.result.bytes }, 'abandoned result evicted, because too many are stored')
      }
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
    // Other replicas look for the result now.
    result.running?.end()
    if (!offer.isTaken) result.release()
    evict()
  }

  async function storeUnproven(offer: Offer): Promise<void> {
    clearTimeout(offer.timer)
    if (offer.isTaken || (await offer.result.content)?.file !== undefined) return
    await offer.result.write(Math.max(0, offer.expiresAt - monotonic()), true)
    evict()
  }

  const timer = setInterval(purge, PURGE_EVERY_MS).unref()

  // By owner first: a fingerprint hashes the images of the call.
  const isOf = ({ result }: Offer, { owner, fingerprint }: ResultIdentity) =>
    result.owner === owner && result.fingerprint() === fingerprint()

  return {
    store,
    put,
    take,
    withdraw,
    find(identity, openedAt) {
      purge()
      return offers
        .values()
        .find(
          (offer) =>
            offer.kind !== 'proxied' && isOf(offer, identity) && (offer.kind !== 'unproven' || openedAt > offer.sentAt),
        )
    },
    findProxied(identity) {
      purge()
      return [...offers].findLast((offer) => offer.kind === 'proxied' && isOf(offer, identity))
    },
    async findElsewhere(identity, openedAt) {
      const isFor = ({ expiresAt, isUnproven }: Pick<ResultHeader, 'expiresAt' | 'isUnproven'>) => {
        const sentMsAgo = now() - (expiresAt - UNPROVEN_TTL_MS)
        return expiresAt > now() && (isUnproven !== true || monotonic() - openedAt < sentMsAgo)
      }
      const file = (await store.find(identity)).find(({ header }) => isFor(header))
      if (file !== undefined) return offerOf(store.adopt(file), file.header)
      const shelved = (await store.findShelved(identity)).find(({ result }) => isFor(result))
      return shelved && offerOf(store.adoptShelved(identity, shelved), shelved.result)
    },
    async changeOf(result, signal) {
      await changes.wait(result, signal)
    },
    wake: changes.wake,
    get count() {
      return offers.size
    },

    async load() {
      for (const { result, file } of await store.load()) {
        offers.add(offerOf(result, file.header))
      }
      evict()
    },

    async close() {
      clearInterval(timer)
      for (const offer of offers) if (offer.kind === 'proxied') withdraw(offer)
      await Promise.all([...offers].filter(({ kind }) => kind === 'unproven').map(storeUnproven))
      await store.idle()
    },
  }
}
