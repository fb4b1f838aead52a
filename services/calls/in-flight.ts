import { setTimeout as pause } from 'node:timers/promises'

/** Counts work that has begun and not ended. */
export interface InFlight {
  readonly count: number
  enter(): void
  exit(): void
  /** Resolves once nothing is in flight; at once if nothing is. */
  idle(): Promise<void>
}

export function createInFlight(): InFlight {
  let count = 0
  let waiting: PromiseWithResolvers<void> | undefined
  return {
    get count() {
      return count
    },
    enter() {
      count++
    },
    exit() {
      count--
      if (count > 0) return
      waiting?.resolve()
      waiting = undefined
    },
    idle() {
      if (count === 0) return Promise.resolve()
      waiting ??= Promise.withResolvers()
      return waiting.promise
    },
  }
}

/** Whether work ends within so many milliseconds, successfully or not. */
export async function endsWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const enough = new AbortController()
  const limit = pause(limitMs, false, { signal: enough.signal }).catch(() => false)
  const end = work.then(
    () => true,
    () => true,
  )
  return await Promise.race([end, limit]).finally(() => enough.abort())
}

/** Whether everything ended within so many milliseconds. */
export function idleWithin(limitMs: number, all: readonly InFlight[]): Promise<boolean> {
  return endsWithin(Promise.all(all.map((each) => each.idle())), limitMs)
}
