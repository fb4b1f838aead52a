import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import type { Logger } from '../logging/logger.ts'
import { AccessError } from './access-error.ts'

/** After this time the keys are fetched again. */
const FRESH_MS = 10 * 60_000
/** How long keys stay in use while they cannot be fetched again. */
const STALE_MS = 60 * 60_000
/** Minimum time between two fetches, whatever tokens arrive. */
const COOLDOWN_MS = 30_000

export interface KeySetOptions {
  issuer: string
  /** The issuer's keys as it publishes them now. https://www.rfc-editor.org/rfc/rfc7517#section-5 */
  fetchKeys: () => Promise<object>
  log: Logger
  /** Milliseconds on a monotonic clock. */
  now?: () => number
}

/**
 * The issuer's signing keys, cached. They are fetched when they are old and when a token names an unknown one (the issuer
 * rotates its keys), but never more often than the cool-down, so that invented key names cost nothing. While the issuer
 * is unreachable the known keys stay in use for an hour.
 *
 * @returns a function that throws AccessError 503 where there are no usable keys
 */
export function createKeySet({
  issuer,
  fetchKeys,
  log,
  now = () => performance.now(),
}: KeySetOptions): JWTVerifyGetKey {
  let fetchedAt = Number.NEGATIVE_INFINITY
  let failedAt = Number.NEGATIVE_INFINITY

  async function fetchOrReject(): Promise<Response> {
    try {
      // jose waits between fetches that succeed only.
      if (now() - failedAt < COOLDOWN_MS) throw unavailable()
      const keys = await fetchKeys()
      fetchedAt = now()
      return Response.json(keys)
    } catch (error) {
      if (error instanceof AccessError) throw error
      failedAt = now()
      log.warn({ err: error }, 'signing key fetch failed')
      throw unavailable()
    }
  }

  // The URL is not used: `fetchKeys` may have to discover it first.
  const keySet = createRemoteJWKSet(new URL(issuer), {
    cacheMaxAge: STALE_MS,
    cooldownDuration: COOLDOWN_MS,
    [customFetch]: fetchOrReject,
  })

  return async function findKey(header, token) {
    if (now() - fetchedAt >= FRESH_MS) await keySet.reload().catch(() => undefined)
    try {
      return await keySet(header, token)
    } catch (error) {
      // The other keys are still usable, so the token is at fault.
      if (error instanceof AccessError && keySet.fresh) throw new errors.JWKSNoMatchingKey()
      throw error
    }
  }
}

function unavailable(): AccessError {
  return new AccessError(503, `Tokens cannot be verified at the moment; retry in ${COOLDOWN_MS / 1000} s.`, {
    retryAfterMs: COOLDOWN_MS,
  })
}
