export interface Bounds {
  maxEntries: number
  maxBytes: number
}

/** What a stored entry takes, and of whom. */
export interface Use {
  /** Whose part of the space it takes. */
  share: string
  bytes: number
  /** Whether it must stay, as the entry of a running call. */
  isFixed: boolean
}

/** What a stored result takes. That of a running call expires never. */
export function useOf({ result, expiresAt }: { result: Omit<Use, 'isFixed'>; expiresAt: number }): Use {
  return { share: result.share, bytes: result.bytes, isFixed: expiresAt === Number.POSITIVE_INFINITY }
}

interface Share {
  entries: number
  bytes: number
  evictable: (readonly [index: number, bytes: number])[]
}

/**
 * Which entries have to go so that the bounds hold: each time the first of the share that uses most at that moment. So a caller
 * that fills the space evicts its own results only.
 * @param uses in the order in which entries of one share are evicted
 * @returns their positions
 */
export function selectEvicted(uses: readonly Use[], { maxEntries, maxBytes }: Bounds): number[] {
  const shares = new Map<string, Share>()
  let entries = uses.length
  let bytes = 0
  for (const [index, use] of uses.entries()) {
    const share = shares.get(use.share) ?? { entries: 0, bytes: 0, evictable: [] }
    shares.set(use.share, share)
    share.entries++
    share.bytes += use.bytes
    bytes += use.bytes
    if (!use.isFixed) share.evictable.push([index, use.bytes])
  }
  const weightOf = (share: Share) => Math.max(share.entries / maxEntries, share.bytes / maxBytes)
  const evicted: number[] = []
  while (entries > maxEntries || bytes > maxBytes) {
    const candidates = [...shares.values()].filter(({ evictable }) => evictable.length > 0)
    const [heaviest] = candidates.sort((a, b) => weightOf(b) - weightOf(a))
    const next = heaviest?.evictable.shift()
    if (heaviest === undefined || next === undefined) break
    const [index, size] = next
    evicted.push(index)
    entries--
    bytes -= size
    heaviest.entries--
    heaviest.bytes -= size
  }
  return evicted
}
