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
}

export const defaultTiming: Timing = {
  streamAfterMs: 5_000,
  commentEveryMs: 15_000,
  progressRepeatMs: 15_000,
  stallMs: 120_000,
}
