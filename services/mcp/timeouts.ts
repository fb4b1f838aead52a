/** Milliseconds, all of them. */
export interface Timing {
  /** A client that accepts event streams gets one after this time, even without a response. */
  streamAfterMs: number
  /** Silence on an event stream after which a comment is sent, so that no proxy closes it. */
  commentEveryMs: number
  /** Silence after which progress is repeated; some clients give up after 25 s. */
  progressRepeatMs: number
  /** A client that falls this far behind the minimum speed of reading a response is disconnected. */
  readerLagMs: number
  /** A reset may follow a client's clean end within this time, if it ended before it had read everything. */
  settleMs: number
  /** Time for a client to end a connection that it asked to be closed. */
  lingerMs: number
  /** In each such period 64 KiB of a body must arrive, or its rest. */
  uploadPeriodMs: number
  /** Time that a call waits for the image of an upload page that its client's user has opened. */
  uploadWaitMs: number
  /** Time that a growing body waits for a reservation. */
  bodyWaitMs: number
  /** Length of the minute in which Azure counts requests. */
  azureMinuteMs: number
  /** Time for a client's user to respond to a question. */
  questionMs: number
  /** Time in which changes are collected before clients are notified of them. */
  collectMs: number
  /** Time between checks of the policy's file. */
  policyPollMs: number
}

export const defaultTiming: Timing = {
  streamAfterMs: 5_000,
  commentEveryMs: 15_000,
  progressRepeatMs: 15_000,
  // At 5 KiB/s the system's own buffer may hide progress for five minutes.
  readerLagMs: 420_000,
  settleMs: 500,
  lingerMs: 30_000,
  uploadPeriodMs: 10_000,
  uploadWaitMs: 30_000,
  bodyWaitMs: 5_000,
  azureMinuteMs: 60_000,
  questionMs: 300_000,
  collectMs: 500,
  policyPollMs: 2_000,
}
