import { createHash } from 'node:crypto'
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
export interface Refusal {
  limit: 'calls' | 'images'
  retryAfterMs: number
}

export interface CallLimits {
  /** Counts a call of a tool, and the images it asks for. Undefined: it may be made. */
  take(caller: string, tool: string, images: number): Promise<Refusal | undefined>
  /** Gives images back that were never made. */
  giveBack(caller: string, images: number): Promise<void>
}

/** What a caller may spend. A refused call costs nothing of the day's images. */
export function createCallLimits({
  callsPerMinute,
  imagesPerDay,
  counter,
  now = Date.now,
}: CallLimitsOptions): CallLimits {
  async function takeImages(caller: string, images: number): Promise<Refusal | undefined> {
    const { units } = await counter.add(dayKey(caller), images, DAY)
    if (units <= imagesPerDay) return undefined
    await counter.add(dayKey(caller), -images, DAY)
    return { limit: 'images', retryAfterMs: DAY - (now() % DAY) }
  }

  const dayKey = (caller: string) => `images:${Math.floor(now() / DAY)}:${digest(caller)}`

  return {
    async take(caller, tool, images) {
      if (callsPerMinute > 0) {
        const { units, resetMs } = await counter.add(`calls:${tool}:${digest(caller)}`, 1, MINUTE)
        if (units > callsPerMinute) return { limit: 'calls', retryAfterMs: resetMs }
      }
      return imagesPerDay > 0 ? await takeImages(caller, images) : undefined
    },
    async giveBack(caller, images) {
      if (imagesPerDay > 0) await counter.add(dayKey(caller), -images, DAY)
    },
  }
}

/** Who calls is nobody's business in a shared store, and may be of any length. */
function digest(caller: string): string {
  return createHash('sha256').update(caller).digest('base64url').slice(0, 22)
}
