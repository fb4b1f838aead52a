import { createHash } from 'node:crypto'
import { rateLimitKey } from '../auth/authenticator.ts'
import type { UnitCounter } from './unit-counter.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

export interface CallLimitsOptions {
  /** Calls of one tool that a caller may make in a minute; 0 means no limit. */
  callsPerMinute: number
  /** Images that a caller may have made in a day (UTC); 0 means no limit. */
  imagesPerDay: number
  counter: UnitCounter
  /** The wall clock: days are a matter of the calendar. */
  now?: () => number
}

/** Why a call may not be made now. */
export interface Rejection {
  limit: 'calls' | 'images'
  retryAfterMs: number
}

/** What a call was granted. */
export interface Grant {
  /** Undefined: it may be made. */
  rejection: Rejection | undefined
  /** Gives images back that were never made, to the day from which they were taken. */
  release(): Promise<void>
}

export interface CallLimits {
  /** Counts a call of a tool, and the images it asks for. */
  take(caller: string, tool: string, images: number): Promise<Grant>
}

/** What a caller may spend. A rejected call costs nothing of the day's images. */
export function createCallLimits({
  callsPerMinute,
  imagesPerDay,
  counter,
  now = Date.now,
}: CallLimitsOptions): CallLimits {
  async function takeCall(caller: string, tool: string): Promise<Rejection | undefined> {
    const { units, resetMs } = await counter.add(`calls:${tool}:${digest(caller)}`, 1, MINUTE)
    return units > callsPerMinute ? { limit: 'calls', retryAfterMs: resetMs } : undefined
  }

  async function takeImages(caller: string, images: number): Promise<Grant> {
    const key = `images:${Math.floor(now() / DAY)}:${digest(caller)}`
    const release = async () => void (await counter.add(key, -images, DAY))
    const { units } = await counter.add(key, images, DAY)
    if (units <= imagesPerDay) return { rejection: undefined, release }
    await release()
    return nothing({ limit: 'images', retryAfterMs: DAY - (now() % DAY) })
  }

  return {
    async take(caller, tool, images) {
      const rejection = callsPerMinute > 0 ? await takeCall(caller, tool) : undefined
      if (rejection !== undefined || imagesPerDay === 0) return nothing(rejection)
      return await takeImages(caller, images)
    },
  }
}

/** A grant by which nothing was taken that could be released. */
function nothing(rejection: Rejection | undefined): Grant {
  return { rejection, release: async () => {} }
}

/** Who calls is nobody's business in a shared store, and may be of any length. */
function digest(caller: string): string {
  return createHash('sha256').update(rateLimitKey(caller)).digest('base64url').slice(0, 22)
}
