import type { CreateLimiter } from '../limits/caller-limiter.ts'
import { rateLimitPrefix } from '../net/ip-address.ts'
import { AccessError } from './access-error.ts'

const MINUTE_MS = 60_000

export interface FailedLoginsOptions {
  /** Invalid keys and tokens that one address may send in a minute; 0 means no limit. */
  perMinute: number
  createLimiter: CreateLimiter
  onExceeded: () => void
}

/** Counts a failure. @returns the error that replaces it once there are too many */
export type CountFailure = (address: string, failure: AccessError) => Promise<AccessError | undefined>

/**
 * Limits how often clients of one address may send an invalid key or token. Only invalid ones are counted and rejected: a
 * valid key is accepted however many invalid ones come from the same address, which may be a company's or a proxy's. What
 * makes guessing hopeless is the length of the keys.
 */
export function createFailureLimit({ perMinute, createLimiter, onExceeded }: FailedLoginsOptions): CountFailure {
  const limiter = createLimiter({ namespace: 'logins', points: perMinute, windowMs: MINUTE_MS })

  return async function countFailure(address, { reason }) {
    if (perMinute === 0 || reason !== 'invalid_token') return undefined
    const { isExceeded, resetMs } = await limiter.consume(rateLimitPrefix(address))
    if (!isExceeded) return undefined
    onExceeded()
    const sentence = `Too many invalid keys or tokens from this address; retry in ${Math.ceil(resetMs / 1000)} s.`
    return new AccessError(429, sentence, { retryAfterMs: resetMs })
  }
}
