import type { Logger } from '../logging/logger.ts'
import { createResult } from './result-content.ts'
import { findResults, readResult } from './result-file.ts'
import { createOffers, type Offer, type Result } from './result-offer.ts'
import { createResultStore } from './result-store.ts'

export interface ResultOffersOptions {
  folder: string
  /** Milliseconds that an abandoned result is stored. */
  ttlMs: number
  maxEntries: number
  /** Bytes on disk and in memory together. */
  maxBytes: number
  log: Logger
  onEvent: (event: 'kept' | 'expired' | 'evicted') => void
  /** An unproven result was dropped. */
  onUnprovenDropped: () => void
  /** Milliseconds after which an unproven result moves from memory to disk. */
  storeUnprovenAfterMs: number
  /** The wall clock, which the next process shares. */
  now: () => number
  /** Milliseconds on a clock that never jumps. */
  monotonic: () => number
}

/** Results on offer to identical calls: written to disk, bounded, and dropped when their time is over. */
export interface ResultOffers {
  /** @param onDropped called when the offer expires or makes room for others */
  put(result: Result, kind: Offer['kind'], onDropped: () => void): Offer
  /** Takes an offer off the list; its holder becomes the caller's to drop. */
  take(offer: Offer): void
  /** Takes an offer back that nobody took. */
  withdraw(offer: Offer): void
  /** @param openedAt when the asking connection was opened */
  find(owner: string, fingerprint: () => string, openedAt: number): Offer | undefined
  /** One holder of a result less. */
  drop(result: Result): void
  /** Resolves when an offer of the result comes or goes, or when the signal fires. */
  changeOf(result: Result, signal: AbortSignal): Promise<void>
  wake(result: Result): void
  readonly count: number
  load(): Promise<void>
  /** Stores what is unproven, and waits until everything is on the disk. */
  close(): Promise<void>
}

const PURGE_EVERY_MS = 15_000
/** Milliseconds in which a result whose delivery is not proved is for an identical call on a newer connection. */
export const UNPROVEN_TTL_MS = 60_000

export function createResultOffers(options: ResultOffersOptions): ResultOffers {
  const { folder, ttlMs, log, onEvent, storeUnprovenAfterMs, now, monotonic } = options
  const offers = createOffers()
  const store = createResultStore({ folder, log, now })

  /** Puts a result on offer to identical calls. */
  function put(result: Result, kind: Offer['kind'], onDropped: () => void): Offer {
    // Its arguments may be gone from memory when somebody asks.
    result.fingerprint()
    result.holders++
    const sentAt = monotonic()
    const expiresAt = kind === 'abandoned' ? (result.expiresAt ?? Number.POSITIVE_INFINITY) : sentAt + UNPROVEN_TTL_MS
    const offer: Offer = { result, kind, sentAt, expiresAt, isTaken: false, onDropped }
    offers.add(offer)
    if (kind === 'abandoned') {
      offers.wake(result)
      // Not waited for at the end of the process: Azure may never end the call.
      void storeAbandoned(offer)
    } else if (kind === 'unproven') {
      offer.timer = setTimeout(() => void storeUnproven(offer), storeUnprovenAfterMs).unref()
    }
    return offer
  }

  /** Takes a result off the list; its holder becomes the caller's to drop. */
  function take(offer: Offer): void {
    clearTimeout(offer.timer)
    offer.isTaken = true
    offers.delete(offer)
    offers.wake(offer.result)
  }

  function withdraw(offer: Offer): void {
    if (offer.isTaken) return
    take(offer)
    store.drop(offer.result)
  }

  function giveUp(offer: Offer, event: 'expired' | 'evicted'): void {
    withdraw(offer)
    if (offer.kind === 'abandoned') onEvent(event)
    else options.onUnprovenDropped()
    offer.onDropped()
  }

  function purge(): void {
    for (const offer of offers.all()) if (offer.expiresAt <= monotonic()) giveUp(offer, 'expired')
  }

  /** Nothing was heard of its client for a while, who then has it, most likely. */
  const isLikelyDelivered = ({ kind, sentAt }: Offer) =>
    kind === 'unproven' && sentAt + storeUnprovenAfterMs <= monotonic()

  /** Holds the bounds on what is stored: what was most likely delivered goes first, then the oldest. */
  function evict(): void {
    let { bytes, count } = offers.size()
    const all = [...offers.all()]
    for (const offer of [...all.filter(isLikelyDelivered), ...all.filter((one) => !isLikelyDelivered(one))]) {
      if (bytes <= options.maxBytes && count <= options.maxEntries) return
      if (offer.expiresAt === Number.POSITIVE_INFINITY) continue
      log.warn({ bytes: offer.result.bytes }, 'an abandoned result was dropped, because too many are stored')
      bytes -= offer.result.bytes
      count--
      giveUp(offer, 'evicted')
    }
  }

  async function storeAbandoned(offer: Offer): Promise<void> {
    const { result } = offer
    const content = await result.content
    // Whatever went wrong has been logged by what made the call.
    if (content === undefined) return withdraw(offer)
    result.expiresAt ??= monotonic() + ttlMs
    offer.expiresAt = result.expiresAt
    const isStored = content.file !== undefined && content.file.header.isUnproven !== true
    if (!isStored) {
      await store.write(result, result.expiresAt - monotonic(), false)
      onEvent('kept')
    }
    evict()
  }

  async function storeUnproven(offer: Offer): Promise<void> {
    clearTimeout(offer.timer)
    if (offer.isTaken || (await offer.result.content)?.file !== undefined) return
    await store.write(offer.result, Math.max(0, offer.expiresAt - monotonic()), true)
    evict()
  }

  const timer = setInterval(purge, PURGE_EVERY_MS).unref()

  return {
    put,
    take,
    withdraw,
    find(owner, fingerprint, openedAt) {
      purge()
      return offers.has(owner) ? offers.find(owner, fingerprint(), openedAt) : undefined
    },
    drop: store.drop,
    changeOf: offers.changeOf,
    wake: offers.wake,
    get count() {
      return offers.size().count
    },

    async load() {
      for (const file of await findResults(folder, now())) {
        const { fingerprint, owner, texts, expiresAt, isUnproven = false } = file.header
        const result = createResult(
          { owner, fingerprint: () => fingerprint },
          Promise.resolve({ texts, images: readResult(file), file }),
        )
        // The clock may have been set back since.
        const leftMs = Math.min(isUnproven ? UNPROVEN_TTL_MS : ttlMs, expiresAt - now())
        result.expiresAt = monotonic() + leftMs
        result.bytes = file.size
        result.holders = 1
        const kind = isUnproven ? 'unproven' : 'abandoned'
        // Sent before any connection of this process was opened.
        const sentAt = Number.NEGATIVE_INFINITY
        offers.add({ result, kind, sentAt, expiresAt: result.expiresAt, isTaken: false, onDropped() {} })
      }
      evict()
    },

    async close() {
      clearInterval(timer)
      const unproven = [...offers.all()].filter(({ kind }) => kind === 'unproven')
      await Promise.all(unproven.map(storeUnproven))
      await store.idle()
    },
  }
}
