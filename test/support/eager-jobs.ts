import type { JobTiming } from '../../services/calls/jobs/job-timing.ts'

/** Short, but longer than a busy machine stops a process now and then. */
export const eagerJobTiming: JobTiming = {
  silentMs: 2_000,
  keepEveryMs: 300,
  lockMs: 3_000,
  lockRenewMs: 700,
  stalledCheckMs: 1_000,
}
