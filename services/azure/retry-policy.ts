import type { ErrorCode } from '../errors/errors.ts'

/**
 * What may follow a failure, all in one place. The rule behind it: an image costs money, so nothing is sent again where
 * one may already have been made.
 *
 * - `retry`: send again after a pause with full jitter; at most three tries a call.
 * - `wait`: Azure says when; back into the queue until then, and it does not count as a try.
 * - `renew`: get a new credential, once a call.
 * - `reroute`: try the model's other route, as long as neither has been proven.
 * - `stop`: tell the caller.
 *
 * `elsewhere`: a fallback deployment may take over, because no image can exist.
 */
export interface AttemptRule {
  next: 'retry' | 'wait' | 'renew' | 'reroute' | 'stop'
  elsewhere: boolean
}

export type AzureErrorCode = Extract<ErrorCode, `IMG_ERR_AZURE_${string}`>

const rule = (next: AttemptRule['next'], elsewhere: boolean): AttemptRule => ({ next, elsewhere })

export const attemptTable: Readonly<Record<AzureErrorCode, AttemptRule>> = {
  // No connection: nothing was sent.
  IMG_ERR_AZURE_UNREACHABLE: rule('retry', true),
  IMG_ERR_AZURE_TLS: rule('retry', true),
  // 429.
  IMG_ERR_AZURE_RATE_LIMIT: rule('wait', true),
  IMG_ERR_AZURE_CAPACITY: rule('wait', true),
  // 500 and 503 in Azure's own JSON: it gave up before it drew.
  IMG_ERR_AZURE_FAILED: rule('retry', false),
  IMG_ERR_AZURE_UNAVAILABLE: rule('retry', false),
  // 401.
  IMG_ERR_AZURE_CREDENTIAL: rule('renew', false),
  IMG_ERR_AZURE_TOKEN: rule('stop', false),
  // 403.
  IMG_ERR_AZURE_ACCOUNT_BLOCKED: rule('stop', true),
  IMG_ERR_AZURE_FORBIDDEN: rule('stop', false),
  // 404 and other 4xx that speak of the route rather than of the image.
  IMG_ERR_AZURE_DEPLOYMENT: rule('reroute', true),
  IMG_ERR_AZURE_NOT_FOUND: rule('reroute', true),
  IMG_ERR_AZURE_API_VERSION: rule('reroute', false),
  IMG_ERR_AZURE_REJECTED: rule('reroute', false),
  IMG_ERR_AZURE_TOO_LARGE: rule('reroute', false),
  IMG_ERR_AZURE_REDIRECT: rule('stop', false),
  // A rejection is a response.
  IMG_ERR_AZURE_CONTENT: rule('stop', false),
  IMG_ERR_AZURE_NO_IMAGE: rule('stop', false),
  // No time or no room left.
  IMG_ERR_AZURE_NOT_SENT: rule('stop', false),
  IMG_ERR_AZURE_BUSY: rule('stop', true),
  // 408, 502, 504, HTML pages, resets and time-outs after the first body byte, anything after the first byte of a 200:
  // somebody may have paid.
  IMG_ERR_AZURE_TIMEOUT: rule('stop', false),
  IMG_ERR_AZURE_LOST: rule('stop', false),
  IMG_ERR_AZURE_UNCLEAR: rule('stop', false),
  IMG_ERR_AZURE_BROKE_OFF: rule('stop', false),
  IMG_ERR_AZURE_BAD_RESPONSE: rule('stop', false),
  IMG_ERR_AZURE_RESPONSE_TOO_LARGE: rule('stop', false),
  IMG_ERR_AZURE_DOWNLOAD: rule('stop', false),
}

/** Requests that may fail before a call gives up; waiting for a quota is not failing. */
export const maxTries = 3

const baseDelayMs = 500
const maxDelayMs = 8_000
const maxWaitMs = 30_000

/**
 * Milliseconds until the next try: anything between nothing and a bound that doubles ("full jitter",
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), but never less than Azure asked for.
 *
 * @param failures how many tries have failed, from 1
 */
export function retryDelayMs(failures: number, retryAfterMs: number | undefined, random = Math.random): number {
  const bound = Math.min(maxDelayMs, baseDelayMs * 2 ** failures)
  return (retryAfterMs ?? 0) + random() * bound
}

/**
 * Milliseconds to keep a deployment quiet after a 429. What Azure says counts, however long; a floor that doubles keeps a
 * "retry after 0" from becoming a storm.
 *
 * @param rejections how many 429s this call has met, from 1
 */
export function quotaDelayMs(rejections: number, retryAfterMs: number | undefined): number {
  const floor = Math.min(maxWaitMs, 250 * 2 ** (rejections - 1))
  return Math.max(floor, retryAfterMs ?? 0)
}
