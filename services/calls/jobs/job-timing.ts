/** Milliseconds, all of them. The clocks of replicas may differ by less than `silentMs`. */
export interface JobTiming {
  /** A process that is not seen for so long is taken for dead. */
  silentMs: number
  /** How often a process shows itself, and looks for what others have left. */
  keepEveryMs: number
  /** How long the queue takes a process for the runner of a job without hearing from it, and how often it is told. */
  lockMs: number
  lockRenewMs: number
  /** How often the queue looks for jobs without a runner. */
  stalledCheckMs: number
}

export const defaultJobTiming: JobTiming = {
  silentMs: 30_000,
  keepEveryMs: 5_000,
  lockMs: 60_000,
  lockRenewMs: 15_000,
  stalledCheckMs: 10_000,
}
