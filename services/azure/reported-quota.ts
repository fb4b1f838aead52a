import type { ResponseHeaders } from './transport.ts'
import type { DeploymentState } from './types.ts'

/** The quota of a deployment as its responses report it, in requests. */
export class ReportedQuota {
  /** Milliseconds after which what was left says nothing any more. */
  readonly #minuteMs: number
  #quota: number | undefined
  #remaining: { requests: number; until: number } | undefined

  constructor(minuteMs: number) {
    this.#minuteMs = minuteMs
  }

  /** @returns the requests per minute that the response allows; undefined: it does not say */
  read(headers: ResponseHeaders | undefined): number | undefined {
    const remaining = Number(headers?.['x-ratelimit-remaining-requests'] ?? Number.NaN)
    if (Number.isFinite(remaining) && remaining >= 0) {
      this.#remaining = { requests: remaining, until: performance.now() + this.#minuteMs }
    }
    const limit = Number(headers?.['x-ratelimit-limit-requests'] ?? Number.NaN)
    if (!Number.isFinite(limit) || limit < 1) return undefined
    this.#quota = limit
    return limit
  }

  state(): Pick<DeploymentState, 'quota' | 'quotaRemaining'> {
    const isKnown = this.#remaining !== undefined && performance.now() < this.#remaining.until
    return { quota: this.#quota, quotaRemaining: isKnown ? this.#remaining?.requests : undefined }
  }
}
