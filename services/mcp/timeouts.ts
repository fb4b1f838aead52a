/** Milliseconds, all of them. */
export interface Timing {
  /** A caller that takes event streams gets one after this long, answer or not. */
  streamAfterMs: number
  /** Silence on an event stream after which a comment is sent, so that no proxy takes it for dead. */
  commentEveryMs: number
  /** Silence after which progress is repeated; some clients give up after 25 s. */
  progressRepeatMs: number
  /** A caller that takes nothing of its answer for this long is let go. */
  stallMs: number
  /** After a client's clean end a reset may still follow, if it ended before it had read everything. */
  settleMs: number
  /** A client that asked for the connection to be closed has this long to end it too. */
  lingerMs: number
  /** Within each such period a body must bring 64 KiB, or what is left of it. */
  headwayMs: number
  /** How long a growing body waits for capacity. */
  bodyWaitMs: number
}

export const defaultTiming: Timing = {
  streamAfterMs: 5_000,
  commentEveryMs: 15_000,
  progressRepeatMs: 15_000,
  stallMs: 120_000,
  settleMs: 500,
  lingerMs: 30_000,
  headwayMs: 10_000,
  bodyWaitMs: 5_000,
}
