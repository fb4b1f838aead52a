import { setImmediate as nextTurn } from 'node:timers/promises'
import { serviceError } from '../errors/errors.ts'
import type { Walk } from './headers/header.ts'

/** The caller of pixel work, and how long the work may take. */
export interface PixelClaim {
  /** Key for fairness: one caller gets at most half of the memory. */
  caller: string
  /** Ends the work when the client disconnects. Absent if the result is needed even then. */
  signal?: AbortSignal
  /** `performance.now()` at which the work must have ended. */
  deadlineAt: number
}

/** The longest that a synchronous loop may block the event loop, in milliseconds. */
const MAX_BLOCKING_MS = 10

/** @throws ServiceError `IMG_ERR_CANCELLED`, `IMG_ERR_AZURE_NOT_SENT` if the claim has ended */
export function checkClaim({ signal, deadlineAt }: PixelClaim): void {
  if (signal?.aborted) throw serviceError('IMG_ERR_CANCELLED', [])
  if (performance.now() >= deadlineAt) throw serviceError('IMG_ERR_AZURE_NOT_SENT', [])
}

let lastTurn: Promise<void> = Promise.resolve()
let runningWalks = 0

/** Yields to the event loop. Walks take turns, so that many of them block it no longer at a time than one does. */
function yieldTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => nextTurn())
  return lastTurn
}

/** Between two parts of a work that each block the event loop for a short time. @throws ServiceError as `checkClaim` */
export async function takeTurn(claim: PixelClaim): Promise<void> {
  await yieldTurn()
  checkClaim(claim)
}

/**
 * Runs a walk to its end, yielding and checking the claim every 10 ms.
 * @throws ServiceError as `checkClaim`
 */
export async function walkInTurns<T>(walk: Walk<T>, claim: PixelClaim): Promise<T> {
  runningWalks++
  try {
    if (runningWalks > 1) await takeTurn(claim)
    let turnEndsAt = performance.now() + MAX_BLOCKING_MS
    let step = walk.next()
    while (step.done !== true) {
      if (performance.now() >= turnEndsAt) {
        await takeTurn(claim)
        turnEndsAt = performance.now() + MAX_BLOCKING_MS
      }
      step = walk.next()
    }
    return step.value
  } finally {
    runningWalks--
  }
}
