import type { JobTiming } from '../../services/calls/jobs/job-timing.ts'

/** Short, but longer than a busy machine stops a process now and then. */
export const eagerJobTiming: JobTiming = {
  silentMs: 4_000,
  keepEveryMs: 500,
  lockMs: 5_000,
  lockRenewMs: 1_000,
  stalledCheckMs: 1_000,
}
