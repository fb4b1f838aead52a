import type { Logger } from '../../logging/logger.ts'
import type { JobTiming } from './job-timing.ts'

export interface JobWatchOptions {
  /** @param canTrustSilence whether a process that did not show itself for `silentMs` is lost. May reject. */
  look(canTrustSilence: boolean): Promise<void>
  timing: Pick<JobTiming, 'silentMs' | 'keepEveryMs'>
  log: Logger
}

export interface JobWatch {
  /** Looks now, besides every `keepEveryMs`. Never rejects. */
  look(): Promise<void>
  close(): void
}

/** Looks after jobs again and again, also while their database does not respond. */
export function watchJobs({ look, timing, log }: JobWatchOptions): JobWatch {
  let isLooking = false
  let isReachable = true
  let lookedAt = Date.now()
  /** After an outage that others had as well, such as of the database or of the whole machine, they first show themselves again. */
  let trustsSilenceFrom = 0
  const distrustSilence = () => {
    trustsSilenceFrom = Date.now() + timing.silentMs
  }

  async function lookOnce(): Promise<void> {
    if (isLooking) return
    isLooking = true
    if (Date.now() - lookedAt > timing.silentMs) distrustSilence()
    lookedAt = Date.now()
    try {
      await look(Date.now() >= trustsSilenceFrom)
      isReachable = true
    } catch (err) {
      if (isReachable) log.warn({ err }, 'jobs cannot be looked after, because their database does not respond')
      isReachable = false
      distrustSilence()
    } finally {
      isLooking = false
    }
  }

  const timer = setInterval(lookOnce, timing.keepEveryMs).unref()
  return { look: lookOnce, close: () => clearInterval(timer) }
}
