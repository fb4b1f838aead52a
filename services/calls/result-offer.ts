import type { Base64Image } from '../bytes/base64-image.ts'
import type { ResultFile } from './result-file.ts'

/** A finished result: its texts, and its images in a file or, where no file was written, in memory. */
export interface ResultContent {
  readonly texts: string[]
  images: readonly Base64Image[]
  file: ResultFile | undefined
}

/** The result of one paid call, whoever is to get it. */
export interface Result {
  readonly owner: string
  /** Hash of caller, tool and arguments; made when it is first needed. */
  readonly fingerprint: () => string
  /** Resolves when the call has ended. Undefined: there is nothing to deliver. */
  readonly content: Promise<ResultContent | undefined>
  /** Who still needs it: handovers, the list of offers, a write under way. At 0 memory and file are released. */
  holders: number
  /** Bytes stored; 0 while the call runs. */
  bytes: number
  /** When it is dropped, on the monotonic clock; set once it is abandoned. */
  expiresAt: number | undefined
  /** Writes to disk, one after another. */
  writing: Promise<void>
}

/** A result that an identical call may have. */
export interface Offer {
  readonly result: Result
  /**
   * `abandoned`: for the next identical call. `unproven`: for one on a connection that was opened after the response was
   * sent. `settling`: which of the two, or neither, will be known in a moment.
   */
  readonly kind: 'abandoned' | 'unproven' | 'settling'
  /** On the monotonic clock, as `expiresAt`. */
  readonly sentAt: number
  /** Infinity while the call runs. */
  expiresAt: number
  isTaken: boolean
  timer?: NodeJS.Timeout
  /** It expired or made room for others. */
  onDropped(): void
}

export interface Offers {
  add(offer: Offer): void
  delete(offer: Offer): void
  /** In order of age; may be changed while it is walked. */
  all(): Iterable<Offer>
  has(owner: string): boolean
  /** @param openedAt when the asking connection was opened */
  find(owner: string, fingerprint: string, openedAt: number): Offer | undefined
  size(): { count: number; bytes: number }
  /** Resolves at the next `wake` of this result, or when the signal fires. */
  changeOf(result: Result, signal: AbortSignal): Promise<void>
  wake(result: Result): void
}

/** The list of results on offer. */
export function createOffers(): Offers {
  const offers = new Set<Offer>()
  const owners = new Map<string, number>()
  const sleepers = new Map<Result, Set<() => void>>()

  function count(owner: string, change: number): void {
    const left = (owners.get(owner) ?? 0) + change
    if (left === 0) owners.delete(owner)
    else owners.set(owner, left)
  }

  return {
    add(offer) {
      offers.add(offer)
      count(offer.result.owner, 1)
    },
    delete(offer) {
      if (offers.delete(offer)) count(offer.result.owner, -1)
    },
    all: () => offers,
    has: (owner) => owners.has(owner),
    find(owner, fingerprint, openedAt) {
      return offers
        .values()
        .find(
          ({ result, kind, sentAt }) =>
            result.owner === owner &&
            result.fingerprint() === fingerprint &&
            (kind !== 'unproven' || openedAt > sentAt),
        )
    },
    size() {
      return { count: offers.size, bytes: offers.values().reduce((sum, { result }) => sum + result.bytes, 0) }
    },
    changeOf(result, signal) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const waiting = sleepers.get(result) ?? new Set()
      sleepers.set(result, waiting.add(resolve))
      signal.addEventListener('abort', () => resolve(), { once: true })
      return promise
    },
    wake(result) {
      for (const resolve of sleepers.get(result) ?? []) resolve()
      sleepers.delete(result)
    },
  }
}
