import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import type { Logger } from '../logging/logger.ts'
import { AccessError } from './access-error.ts'

/** After this time the keys are fetched anew. */
const FRESH_MS = 10 * 60_000
/** How long keys go on being used when they cannot be fetched anew. */
const STALE_MS = 60 * 60_000
/** Least time between two fetches, whatever tokens arrive. */
const COOLDOWN_MS = 30_000

export interface KeySetOptions {
  /** The issuer's keys as it publishes them now. https://www.rfc-editor.org/rfc/rfc7517#section-5 */
  fetchKeys: () => Promise<unknown>
  log: Logger
  /** Milliseconds on a clock that never jumps. */
  now?: () => number
}

/**
 * The issuer's signing keys, cached. They are fetched when they are old and when a token names one that is not among
 * them (the issuer rotates), but never more often than the cool-down, so that invented key names cost nothing. While
 * the issuer cannot be reached the known keys stay in use for an hour.
 */
export function createKeySet({ fetchKeys, log, now = () => performance.now() }: KeySetOptions): JWTVerifyGetKey {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  let fetchedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let running: Promise<void> | undefined

  async function load(): Promise<void> {
    triedAt = now()
    try {
      // jose checks that it is a key set.
      keys = createLocalJWKSet(Object(await fetchKeys()))
      fetchedAt = now()
    } catch (err) {
      log.warn({ err }, 'signing keys of the token issuer could not be fetched')
    }
  }

  async function refresh(): Promise<void> {
    if (now() - triedAt >= COOLDOWN_MS) running ??= load().finally(() => (running = undefined))
    await running
  }

  return async function findKey(header, token) {
    if (now() - fetchedAt >= FRESH_MS) await refresh()
    if (keys === undefined || now() - fetchedAt >= STALE_MS) {
      throw new AccessError(503, 'Tokens cannot be checked at the moment. Try again in a minute.', {
        retryAfterMs: COOLDOWN_MS,
      })
    }
    try {
      return await keys(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await refresh()
      return await keys(header, token)
    }
  }
}
