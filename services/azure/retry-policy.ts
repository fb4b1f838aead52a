import { type BilledErrorCode, type ErrorCode, isBilled } from '../errors/errors.ts'

/**
 * What follows a failed request, all in one place. The rule behind it: an image costs money, so no request is repeated
 * where an image may already have been generated.
 *
 * - `retry`: send again after a pause with full jitter, up to `MAX_FAILED_TRIES` per call.
 * - `waitForQuota`: rejoin the queue until Azure's `retry-after` is over. Such a 429 does not count as a failed try.
 * - `refreshCredential`: get a new credential, once per call.
 * - `tryOtherRoute`: use the model's other route while neither has been proven.
 * - `giveUp`: return the error.
 */
export interface RetryRule {
  action: 'retry' | 'waitForQuota' | 'refreshCredential' | 'tryOtherRoute' | 'giveUp'
  /** A fallback deployment may take over, because no image can exist. */
  failsOver: boolean
}

export type AzureErrorCode = Extract<ErrorCode, `IMG_ERR_AZURE_${string}`>

const rule = (action: RetryRule['action'], failsOver: boolean): RetryRule => ({ action, failsOver })

/** Failures after which nothing is billed; `error-table.ts` marks the others. */
const retryTable: Readonly<Record<Exclude<AzureErrorCode, BilledErrorCode>, RetryRule>> = {
  // No connection: nothing was sent.
  IMG_ERR_AZURE_UNREACHABLE: rule('retry', true),
  IMG_ERR_AZURE_TLS: rule('retry', true),
  // 429.
  IMG_ERR_AZURE_RATE_LIMIT: rule('waitForQuota', true),
  IMG_ERR_AZURE_CAPACITY: rule('waitForQuota', true),
  // 500 and 503 in Azure's own JSON: it failed before it generated an image.
  IMG_ERR_AZURE_FAILED: rule('retry', false),
  IMG_ERR_AZURE_UNAVAILABLE: rule('retry', false),
  // 401.
  IMG_ERR_AZURE_CREDENTIAL: rule('refreshCredential', false),
  IMG_ERR_AZURE_TOKEN: rule('giveUp', false),
  // 403.
  IMG_ERR_AZURE_ACCOUNT_BLOCKED: rule('giveUp', true),
  IMG_ERR_AZURE_FORBIDDEN: rule('giveUp', false),
  IMG_ERR_AZURE_KEY_DISABLED: rule('giveUp', false),
  // Until the operator acts, waiting only takes turns from others.
  IMG_ERR_AZURE_SPENDING_LIMIT: rule('giveUp', true),
  // Takes minutes, so that the next tries would fail, too.
  IMG_ERR_AZURE_NOT_READY: rule('tryOtherRoute', true),
  // 404 and other 4xx that concern the route rather than the image.
  IMG_ERR_AZURE_DEPLOYMENT: rule('tryOtherRoute', true),
  IMG_ERR_AZURE_NOT_FOUND: rule('tryOtherRoute', true),
  IMG_ERR_AZURE_API_VERSION: rule('tryOtherRoute', false),
  IMG_ERR_AZURE_REJECTED: rule('tryOtherRoute', false),
  IMG_ERR_AZURE_UNSUPPORTED: rule('tryOtherRoute', true),
  IMG_ERR_AZURE_RETIRED: rule('tryOtherRoute', true),
  IMG_ERR_AZURE_TOO_LARGE: rule('tryOtherRoute', false),
  IMG_ERR_AZURE_REDIRECT: rule('giveUp', false),
  // Azure processed the request and declined it.
  IMG_ERR_AZURE_CONTENT: rule('giveUp', false),
  IMG_ERR_AZURE_IMAGE: rule('giveUp', false),
  IMG_ERR_AZURE_MASK: rule('giveUp', false),
  IMG_ERR_AZURE_NO_IMAGE: rule('giveUp', false),
  // Deadline reached or queue full: nothing was sent.
  IMG_ERR_AZURE_NOT_SENT: rule('giveUp', false),
  IMG_ERR_AZURE_BUSY: rule('giveUp', true),
}

export function retryRule(code: AzureErrorCode): RetryRule {
  return isBilled(code) ? rule('giveUp', false) : retryTable[code]
}

export function isAzureCode(code: ErrorCode): code is AzureErrorCode {
  return code.startsWith('IMG_ERR_AZURE_')
}

/** Failed requests after which a call gives up. */
export const MAX_FAILED_TRIES = 3

const BASE_DELAY_MS = 500
const MAX_DELAY_MS = 8_000
const BASE_QUOTA_DELAY_MS = 250
const MAX_QUOTA_DELAY_MS = 30_000

/** What the policy needs to know about a failure. */
export interface Failure {
  code: AzureErrorCode
  /** Azure's `retry-after`. */
  retryAfterMs: number | undefined
}

/** The failures of one call. */
export interface FailureCounts {
  /** Those that count towards `MAX_FAILED_TRIES`. */
  readonly tries: number
  /** 429 responses. */
  readonly rejections: number
}

/** The counts with one more failure: a 429 that names a time does not count as a try, one without a time does. */
export function countFailure({ code, retryAfterMs }: Failure, { tries, rejections }: FailureCounts): FailureCounts {
  const { action } = retryRule(code)
  const isRejection = action === 'waitForQuota'
  const isTry = action === 'retry' || (isRejection && retryAfterMs === undefined)
  return { tries: tries + (isTry ? 1 : 0), rejections: rejections + (isRejection ? 1 : 0) }
}

/** What is possible for a call at the time of a failure. */
export interface Alternatives {
  /** Another route of the deployment has not been found wrong. */
  hasOtherRoute: boolean
  hasOtherDeployment: boolean
  /** The credential was rejected, and has not been refreshed during this call. */
  canRefreshCredential: boolean
  /** Milliseconds until the deployment's limiter lets requests through. */
  pausedMs: number
  /** Milliseconds until the call's deadline. */
  remainingMs: number
  /** Milliseconds that the call may still wait for its turn. */
  queueMs: number
}

export type NextStep =
  | { type: 'rejectRoute' }
  /** `dropsDeployment`: the call does not come back to it. One that only waits for its quota stays a candidate. */
  | { type: 'failOver'; dropsDeployment: boolean }
  | { type: 'refreshCredential' }
  | { type: 'waitForQuota' }
  | { type: 'retry'; delayMs: number }
  | { type: 'giveUp' }

/**
 * The step after a failure. Changes nothing.
 *
 * @param counts with this failure, see `countFailure`
 */
export function nextStep(
  failure: Failure,
  { tries }: FailureCounts,
  alternatives: Alternatives,
  random = Math.random,
): NextStep {
  const { action, failsOver } = retryRule(failure.code)
  if (action === 'tryOtherRoute' && alternatives.hasOtherRoute) return { type: 'rejectRoute' }
  if (failsOver && alternatives.hasOtherDeployment && tries < MAX_FAILED_TRIES) {
    return { type: 'failOver', dropsDeployment: action !== 'waitForQuota' }
  }
  if (action === 'refreshCredential' && alternatives.canRefreshCredential) return { type: 'refreshCredential' }
  if (tries >= MAX_FAILED_TRIES) return { type: 'giveUp' }
  if (action === 'waitForQuota' && alternatives.pausedMs < alternatives.queueMs) return { type: 'waitForQuota' }
  if (action !== 'retry') return { type: 'giveUp' }
  const delayMs = retryDelayMs(tries, failure.retryAfterMs, random)
  return delayMs < alternatives.remainingMs ? { type: 'retry', delayMs } : { type: 'giveUp' }
}

/**
 * Milliseconds until the next try: random up to a bound that doubles ("full jitter",
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), on top of Azure's `retry-after`.
 *
 * @param tries how many have failed, from 1
 */
function retryDelayMs(tries: number, retryAfterMs: number | undefined, random = Math.random): number {
  const bound = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** tries)
  return (retryAfterMs ?? 0) + random() * bound
}

/**
 * Milliseconds for which a deployment is paused after a 429: Azure's `retry-after`, however long. The floor doubles
 * with each rejection, so that a `retry-after` of 0 cannot cause a retry storm.
 *
 * @param rejections how many 429s this call has met, from 1
 */
export function quotaDelayMs(rejections: number, retryAfterMs: number | undefined): number {
  const floor = Math.min(MAX_QUOTA_DELAY_MS, BASE_QUOTA_DELAY_MS * 2 ** (rejections - 1))
  return Math.max(floor, retryAfterMs ?? 0)
}
