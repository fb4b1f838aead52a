import type { MaybePromise } from '../bytes/maybe-promise.ts'
import { serviceError } from '../errors/errors.ts'
import type { SharedDeployment } from './shared-state.ts'

/**
 * Holds back calls while Azure has blocked the account: each would fail, and each makes the block longer. When the pause
 * is over, one call probes Azure while the others stay rejected.
 */
export interface CircuitBreaker {
  /**
   * Right before a call is sent; it may be the probe.
   * @throws ServiceError IMG_ERR_AZURE_ACCOUNT_BLOCKED while open
   */
  check(): MaybePromise<void>
  /** Azure reported that the account is blocked. */
  trip(): void
  /** Azure returned anything else. */
  reset(): void
  /** `false` again once a probe is due, so that fallbacks do not keep a recovered deployment out of use. */
  readonly isOpen: boolean
  /** @throws ServiceError IMG_ERR_AZURE_ACCOUNT_BLOCKED while open; probes nothing */
  rejectIfOpen(): void
}

/**
 * @param openMs milliseconds from a block to the next probe
 * @param shared where replicas share the block, and one of them probes
 */
export function createCircuitBreaker(openMs: number, shared?: SharedDeployment): CircuitBreaker {
  let openUntil = 0
  let isTripped = false
  /** Other replicas know of the block. */
  let isTold = false

  function tell(ms: number): void {
    isTold = shared?.isUsable === true
    shared?.block(ms)
  }

  const isOpen = () => isTripped && performance.now() < openUntil

  function rejectIfOpen(): void {
    if (!isOpen()) return
    throw serviceError('IMG_ERR_AZURE_ACCOUNT_BLOCKED', [], { retryAfterMs: openUntil - performance.now() })
  }

  shared?.onState(({ blockedMs }) => {
    // Redis has lost its data, or did not respond when the account was blocked.
    if (isTripped && (blockedMs === undefined || !isTold)) return tell(openUntil - performance.now())
    if (blockedMs === undefined) return
    isTold = true
    isTripped = blockedMs !== 'closed'
    if (blockedMs !== 'closed') openUntil = performance.now() + blockedMs
  })

  return {
    get isOpen() {
      return isOpen()
    },
    rejectIfOpen,
    check() {
      rejectIfOpen()
      if (!isTripped) return
      // This call is the probe; others stay rejected until its result is known.
      openUntil = performance.now() + openMs
      return shared?.claimProbe(openMs).then((blockedMs) => {
        if (blockedMs === 0) return
        openUntil = performance.now() + blockedMs
        rejectIfOpen()
      })
    },
    trip() {
      isTripped = true
      openUntil = performance.now() + openMs
      tell(openMs)
    },
    reset() {
      if (isTripped) shared?.unblock()
      isTripped = false
    },
  }
}
