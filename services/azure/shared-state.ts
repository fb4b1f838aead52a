/** What all replicas agree upon of a deployment, as of one moment. */
export interface SharedState {
  /** Milliseconds until the next start, if there is no pause. */
  startsInMs: number
  pausedMs: number
  /** Milliseconds between the starts of all replicas; 0 where there is no known quota, `undefined` before the first response. */
  intervalMs: number | undefined
  /** Milliseconds until an account block is probed, `closed` if a replica found that there is none; absent: not known. */
  blockedMs: number | 'closed' | undefined
  /** The name of the route that a replica has proven. */
  route: string | undefined
  /** Replicas that were seen lately, this one included. */
  replicas: number
  /** The place of this one among them, from 0. */
  rank: number
  /** Of the other replicas. */
  waiting: number
  waitingCallers: number
}

/** A request for the next turn. */
export interface TurnRequest {
  waiting: number
  waitingCallers: number
  /** The callers of which one wants the next turn, the likeliest first; empty: the replica only looks. */
  callers: readonly string[]
  /** The turn is for a call that has had one in vain, so it goes first. */
  isAgain: boolean
  /** Counts while no replica has learned another one. */
  intervalMs: number | undefined
}

/** The response to a request for a turn. */
export interface Turn {
  /** Milliseconds after which to ask again; 0: a call may start now; -1 where nobody asked for a turn. */
  waitMs: number
  /** The one of the request's callers whose call starts. */
  caller: string | undefined
}

/**
 * A deployment's state that replicas share. Nothing here rejects: while it cannot be shared (`isUsable` is false), each
 * replica works with what it knew last.
 */
export interface SharedDeployment {
  readonly isUsable: boolean
  /** The last known state. */
  readonly state: SharedState | undefined
  /** Asks for a turn, and tells what waits here. @returns `undefined` if the state is not usable */
  ask(request: TurnRequest): Promise<Turn | undefined>
  /** Sets the interval for all; with `expected`, only if no other replica has changed it meanwhile. */
  setInterval(intervalMs: number, expected?: { intervalMs: number | undefined }): Promise<void>
  /** A request that started while no interval was known has ended without a response. */
  startFailed(): void
  /** No replica starts a request for so many milliseconds. */
  pause(ms: number): void
  /** Azure has blocked the account. */
  block(ms: number): void
  unblock(): void
  /** One replica probes a block, for all. @returns 0 if it is this one, else the milliseconds until the next probe */
  claimProbe(nextMs: number): Promise<number>
  proveRoute(name: string): void
  /** Calls back with each state that was read. */
  onState(listener: (state: SharedState) => void): void
  /** Calls back when the state is usable again, and when it no longer is. */
  onChange(listener: (isUsable: boolean) => void): void
}
