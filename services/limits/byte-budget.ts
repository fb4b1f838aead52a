/** Bytes that may be in use at a time, shared between callers once they become scarce. */
export interface ByteBudget {
  readonly used: number
  readonly limit: number
  /** Whether a new reservation of so many bytes would be granted now. */
  fits(owner: string, bytes: number): boolean
  /** A reservation of no bytes yet. `owner` is whose share it counts against. */
  open(owner: string): ByteReservation
}

export interface ByteReservation {
  /**
   * Asks for so many bytes altogether: true at once where nothing stands against it, otherwise a promise of whether
   * they became free in time. One request at a time. Never grants anything to a reservation that was released.
   */
  grow(bytes: number): true | Promise<boolean>
  /** Sets it to what is really in use now that the body was parsed, even where that is more. */
  settle(bytes: number): void
  /** Another holder; the bytes are freed when every holder has let go. */
  retain(): void
  /** A holder lets go. */
  release(): void
  /** Calls back when every holder has let go. */
  onRelease(callback: () => void): void
}

export interface ByteBudgetOptions {
  limit: number
  /** Milliseconds that a growing reservation waits for capacity. */
  waitMs: number
}

/** Bodies up to this many bytes need no reservation: connections are bounded, and so are these. */
export const UNRESERVED_BYTES = 65_536

/** Part of the limit that one owner may use while bytes are scarce. */
const SHARE = 1 / 4
/** Bytes are scarce while less than this part of the limit is free. */
const SCARCE = 1 / 2

interface Waiter {
  fits(): boolean
  settle(granted: boolean): void
}

/**
 * Reservations grow with what they are for, so that an announcement alone takes nothing from anyone. An owner above its
 * share waits while bytes are scarce; a single reservation always fits into an idle budget.
 */
export function createByteBudget({ limit, waitMs }: ByteBudgetOptions): ByteBudget {
  let used = 0
  const usedBy = new Map<string, number>()
  const waiting = new Set<Waiter>()

  /** `held` is what the asking reservation already has. */
  function fits(owner: string, buffered: number, bytes: number): boolean {
    if (used - buffered + bytes > limit) return false
    const isScarce = limit - (used - buffered) < limit * SCARCE
    return !isScarce || (usedBy.get(owner) ?? 0) - buffered + bytes <= limit * SHARE
  }

  function account(owner: string, difference: number): void {
    used += difference
    const now = (usedBy.get(owner) ?? 0) + difference
    if (now === 0) usedBy.delete(owner)
    else usedBy.set(owner, now)
    // Oldest first; one that does not fit yet does not hold up those that do.
    if (difference < 0) for (const waiter of [...waiting]) if (waiter.fits()) waiter.settle(true)
  }

  function open(owner: string): ByteReservation {
    let buffered = 0
    let holders = 1
    let asking: Waiter | undefined
    const callbacks: (() => void)[] = []
    const hold = (bytes: number) => {
      const difference = bytes - buffered
      buffered = bytes
      if (difference !== 0) account(owner, difference)
    }

    function wait(bytes: number): Promise<boolean> {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const waiter: Waiter = {
        fits: () => fits(owner, buffered, bytes),
        settle(granted) {
          waiting.delete(waiter)
          clearTimeout(timer)
          asking = undefined
          if (granted) hold(bytes)
          resolve(granted)
        },
      }
      const timer = setTimeout(waiter.settle, waitMs, false).unref()
      waiting.add(waiter)
      asking = waiter
      return promise
    }

    return {
      grow(wanted) {
        // A buffer may be somewhat longer than what it holds, and the longest body must fit into the smallest budget.
        const bytes = Math.min(wanted, limit)
        if (bytes <= buffered) return true
        if (holders <= 0) return Promise.resolve(false)
        if (!fits(owner, buffered, bytes)) return wait(bytes)
        hold(bytes)
        return true
      },
      settle(bytes) {
        if (holders > 0) hold(bytes)
      },
      retain: () => {
        holders++
      },
      release: () => {
        holders--
        if (holders > 0) return
        asking?.settle(false)
        hold(0)
        for (const callback of callbacks.splice(0)) callback()
      },
      onRelease: (callback) => {
        if (holders > 0) callbacks.push(callback)
        else callback()
      },
    }
  }

  return {
    get used() {
      return used
    },
    limit,
    fits: (owner, bytes) => fits(owner, 0, Math.min(bytes, limit)),
    open,
  }
}
