import { setTimeout as pause } from 'node:timers/promises'

export interface WaitOptions {
  /** Default 60 s: far more than a healthy run needs on a busy machine. */
  limitMs?: number
  /** Added to the failure, for instance the log of a process. */
  explain?: () => string
}

/**
 * Polls until `condition` returns something other than false or undefined, and returns that. A condition that throws is
 * polled again; its last error is the `cause` of the failure.
 *
 * @param what completes "waited 60000 ms for …"
 * @throws {Error} when `limitMs` is over
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | false | undefined | Promise<T | false | undefined>,
  { limitMs = 60_000, explain = () => '' }: WaitOptions = {},
): Promise<T> {
  const end = performance.now() + limitMs
  let cause: unknown
  do {
    try {
      const found = await condition()
      if (found !== false && found !== undefined) return found
    } catch (error) {
      cause = error
    }
    await pause(5)
  } while (performance.now() < end)
  throw new Error(`waited ${limitMs} ms for ${what} ${explain()}`.trimEnd(), { cause })
}
