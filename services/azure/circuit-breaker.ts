import { serviceError } from '../errors/errors.ts'

/**
 * Holds back calls while Azure has blocked the account: each would fail, and each makes the block longer. When the pause
 * is over, one call probes Azure while the others stay rejected.
 */
export interface CircuitBreaker {
  /** @throws ServiceError IMG_ERR_AZURE_ACCOUNT_BLOCKED while open */
  check(): void
  /** Azure reported that the account is blocked. */
  trip(): void
  /** Azure returned anything else. */
  reset(): void
  /** `false` again once a probe is due, so that fallbacks do not keep a recovered deployment out of use. */
  readonly isOpen: boolean
}

/** @param openMs milliseconds from a block to the next probe */
export function createCircuitBreaker(openMs: number): CircuitBreaker {
  let openUntil = 0
  let isTripped = false
  return {
    get isOpen() {
      return isTripped && performance.now() < openUntil
    },
    check() {
      if (!isTripped) return
      const now = performance.now()
      if (now < openUntil) {
        throw serviceError('IMG_ERR_AZURE_ACCOUNT_BLOCKED', [], { retryAfterMs: openUntil - now })
      }
      // This call is the probe; others stay rejected until its result is known.
      openUntil = now + openMs
    },
    trip() {
      isTripped = true
      openUntil = performance.now() + openMs
    },
    reset() {
      isTripped = false
    },
  }
}
