import type { Job, QueuedJob } from './job.ts'

/**
 * Runs a job that this process has claimed. Never rejects.
 * @returns whether it is `queued` again, because nothing could be sent, or this runner is done with it
 */
export type RunJob = (job: Job) => Promise<'queued' | 'done'>

export const queueStates = ['in process', 'shared', 'unavailable'] as const

/** Decides when and in which process the turn of a job comes. The truth about jobs is in the `JobStore`. */
export interface JobQueue {
  /** Which processes run what is queued here; `unavailable`: no new job can be queued now. */
  readonly state: (typeof queueStates)[number]
  /** Queues jobs that are in the store; those that it has stay as they are. Never rejects: what is missing is added again. */
  add(jobs: readonly QueuedJob[]): Promise<void>
  /** Begins to run jobs. */
  start(run: RunJob): void
  /** No more turns begin; running ones go on. */
  pause(): Promise<void>
  /** Never rejects. */
  close(): Promise<void>
}

/** Jobs of this process. `claimNext` gives it the job whose turn is next. */
export function createLocalQueue(claimNext: () => Promise<Job | undefined>, maxRunning: number): JobQueue {
  let run: RunJob | undefined
  let running = 0
  let isPaused = false
  /** Set while claims are made: a job that is added meanwhile makes it look once more. */
  let isLooking = false
  let mustLook = false

  async function look(): Promise<void> {
    mustLook = true
    if (isLooking) return
    isLooking = true
    try {
      while (mustLook && !isPaused && run !== undefined && running < maxRunning) {
        mustLook = false
        const job = await claimNext()
        if (job === undefined) continue
        mustLook = true
        running++
        void run(job).finally(() => {
          running--
          void look()
        })
      }
    } catch {
      // The database cannot be reached: the job is added again.
    } finally {
      isLooking = false
    }
  }

  return {
    state: 'in process',
    async add() {
      void look()
    },
    start(runJob) {
      run = runJob
      void look()
    },
    async pause() {
      isPaused = true
    },
    async close() {
      isPaused = true
    },
  }
}
