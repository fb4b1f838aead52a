/** A number of bytes that may be in use at a time. */
export interface ByteBudget {
  readonly used: number
  readonly limit: number
  /** Undefined: there is no room now. */
  reserve(bytes: number): ByteReservation | undefined
}

export interface ByteReservation {
  /** Gives back what turned out not to be needed; never takes more. */
  shrink(bytes: number): void
  /** Another holder; the bytes are given back when every holder has let go. */
  retain(): void
  /** A holder lets go. */
  release(): void
  /** Calls back when every holder has let go. */
  whenFree(callback: () => void): void
}

export function createByteBudget(limit: number): ByteBudget {
  let used = 0
  return {
    get used() {
      return used
    },
    limit,
    reserve(bytes) {
      if (used + bytes > limit) return undefined
      let held = bytes
      let holders = 1
      const callbacks: (() => void)[] = []
      used += held
      const hold = (now: number) => {
        used += now - held
        held = now
      }
      return {
        shrink: (needed) => hold(Math.min(held, Math.max(0, needed))),
        retain: () => {
          holders++
        },
        release: () => {
          holders--
          if (holders > 0) return
          hold(0)
          for (const callback of callbacks.splice(0)) callback()
        },
        whenFree: (callback) => {
          if (holders > 0) callbacks.push(callback)
          else callback()
        },
      }
    },
  }
}
