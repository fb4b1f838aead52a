/** Bytes that may be in use at a time, shared fairly between callers once they become scarce. */
export interface ByteBudget {
  readonly used: number
  /** Whether a new reservation of so many bytes would be granted now. */
  fits(owner: string, bytes: number): boolean
  /** Opens an empty reservation, which counts against the owner's share. */
  open(owner: string): ByteReservation
}

export interface ByteReservation {
  /**
   * Requests this many bytes in total: true if they are granted at once, otherwise a promise of whether they became free
   * in time. One request at a time. A released reservation is granted nothing.
   */
  grow(bytes: number): true | Promise<boolean>
  /** Sets it to what is in use after the body was parsed, even where that is more. */
  settle(bytes: number): void
  release(): void
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
 * Reservations grow with the body, so that a large Content-Length alone takes nothing from other callers. An owner above
 * its share waits while bytes are scarce; a single reservation always fits into an idle budget.
 */
export function createByteBudget({ limit, waitMs }: ByteBudgetOptions): ByteBudget {
  let used = 0
  const usedBy = new Map<string, number>()
  const waiting = new Set<Waiter>()

  /** @param reserved bytes that the requesting reservation already has */
  function fits(owner: string, reserved: number, bytes: number): boolean {
    if (used - reserved + bytes > limit) return false
    const isScarce = limit - (used - reserved) < limit * SCARCE
    return !isScarce || (usedBy.get(owner) ?? 0) - reserved + bytes <= limit * SHARE
  }

  function account(owner: string, difference: number): void {
    used += difference
    const now = (usedBy.get(owner) ?? 0) + difference
    if (now === 0) usedBy.delete(owner)
    else usedBy.set(owner, now)
    // Oldest first; a waiter that does not fit yet does not block those that do.
    if (difference < 0) for (const waiter of [...waiting]) if (waiter.fits()) waiter.settle(true)
  }

  function open(owner: string): ByteReservation {
    let reserved = 0
    let isReleased = false
    let pending: Waiter | undefined
    const reserve = (bytes: number) => {
      const difference = bytes - reserved
      reserved = bytes
      if (difference !== 0) account(owner, difference)
    }

    function wait(bytes: number): Promise<boolean> {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const waiter: Waiter = {
        fits: () => fits(owner, reserved, bytes),
        settle(granted) {
          waiting.delete(waiter)
          clearTimeout(timer)
          pending = undefined
          if (granted) reserve(bytes)
          resolve(granted)
        },
      }
      const timer = setTimeout(waiter.settle, waitMs, false).unref()
      waiting.add(waiter)
      pending = waiter
      return promise
    }

    return {
      grow(requested) {
        // A buffer may be longer than its content, and the longest body must fit into the smallest budget.
        const bytes = Math.min(requested, limit)
        if (bytes <= reserved) return true
        if (isReleased) return Promise.resolve(false)
        if (!fits(owner, reserved, bytes)) return wait(bytes)
        reserve(bytes)
        return true
      },
      settle(bytes) {
        if (!isReleased) reserve(bytes)
      },
      release() {
        isReleased = true
        pending?.settle(false)
        reserve(0)
      },
    }
  }

  return {
    get used() {
      return used
    },
    fits: (owner, bytes) => fits(owner, 0, Math.min(bytes, limit)),
    open,
  }
}
