import { rateLimitPrefix } from '../net/ip-address.ts'
import type { UnitCounter } from './unit-counter.ts'

const MINUTE = 60_000

export interface LoginLimit {
  /** Counts a login that failed. @returns Milliseconds until the next try makes sense, if there were too many */
  countFailure(address: string): Promise<number | undefined>
}

/**
 * How often callers of one address may present a wrong key or token.
 *
 * Only failures are counted, and only they are turned away: a good key is let in however many wrong ones come from the
 * same address, since behind one address there may be a whole company, and an undeclared proxy is everybody's. So the
 * limit makes wrong keys visible and answers all of them alike; what makes guessing hopeless is the length of the keys.
 * @param perMinute 0 means no limit
 */
export function createLoginLimit({ perMinute, counter }: { perMinute: number; counter: UnitCounter }): LoginLimit {
  return {
    async countFailure(address) {
      if (perMinute === 0) return undefined
      const { units, resetMs } = await counter.add(`logins:${rateLimitPrefix(address)}`, 1, MINUTE)
      return units > perMinute ? resetMs : undefined
    },
  }
}
