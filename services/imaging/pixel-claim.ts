import { setImmediate as nextTurn } from 'node:timers/promises'
import { serviceError } from '../errors/errors.ts'
import type { Walk } from './headers/header.ts'

/** For whom pixels are worked on, and for how long. */
export interface PixelClaim {
  /** Never more than half of the memory goes to one caller. */
  caller: string
  /** Ends the work when the caller disconnects. Absent where the result is wanted all the same. */
  signal?: AbortSignal
  /** `performance.now()` at which the work must have ended. */
  deadlineAt: number
}

/** Longest that a loop of ours keeps others from working, in milliseconds. */
const TURN_MS = 10

/** @throws ServiceError `IMG_ERR_CANCELLED`, `IMG_ERR_AZURE_NOT_SENT` when no one waits for the work any more */
export function checkClaim({ signal, deadlineAt }: PixelClaim): void {
  if (signal?.aborted) throw serviceError('IMG_ERR_CANCELLED', [])
  if (performance.now() >= deadlineAt) throw serviceError('IMG_ERR_AZURE_NOT_SENT', [])
}

/** The last turn that was asked for, and the walks under way. */
let lastTurn: Promise<void> = Promise.resolve()
let walking = 0

/** Turns of all walks come one by one, so that many walks keep others from working no longer than one. */
function acquireAndSend(): Promise<void> {
  lastTurn = lastTurn.then(() => nextTurn())
  return lastTurn
}

/**
 * Drives a walk to its end; every 10 ms others may work, and the claim is looked at.
 * @throws ServiceError as `checkClaim`
 */
export async function walkInTurns<T>(walk: Walk<T>, claim: PixelClaim): Promise<T> {
  walking++
  try {
    if (walking > 1) {
      await acquireAndSend()
      checkClaim(claim)
    }
    let turnEndsAt = performance.now() + TURN_MS
    let step = walk.next()
    while (step.done !== true) {
      if (performance.now() >= turnEndsAt) {
        await acquireAndSend()
        checkClaim(claim)
        turnEndsAt = performance.now() + TURN_MS
      }
      step = walk.next()
    }
    return step.value
  } finally {
    walking--
  }
}
