import { serviceError } from '../errors/errors.ts'

/**
 * Keeps calls from an account that Azure has blocked: each would fail, and more of them make the block longer. After a
 * while one call may look whether the block is over.
 */
export interface AccountBreaker {
  /** @throws ServiceError IMG_ERR_AZURE_ACCOUNT_BLOCKED while the block stands */
  check(): void
  /** Azure said that the account is blocked. */
  trip(): void
  /** Azure answered anything else. */
  reset(): void
  /** Whether calls are kept away now; no longer once a call may look, so that a fallback does not keep them for good. */
  readonly isOpen: boolean
}

export function createAccountBreaker(openMs: number): AccountBreaker {
  let openUntil = 0
  let isOpen = false
  return {
    get isOpen() {
      return isOpen && performance.now() < openUntil
    },
    check() {
      if (!isOpen) return
      const now = performance.now()
      if (now < openUntil) {
        throw serviceError('IMG_ERR_AZURE_ACCOUNT_BLOCKED', [], { retryAfterMs: openUntil - now })
      }
      // This caller looks; the others go on being rejected until it knows.
      openUntil = now + openMs
    },
    trip() {
      isOpen = true
      openUntil = performance.now() + openMs
    },
    reset() {
      isOpen = false
    },
  }
}
