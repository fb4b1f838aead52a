import { type ErrorCode, errorFamily } from '../errors/errors.ts'
import { isAzureCode, retryRule } from './retry-policy.ts'
import type { DeploymentState } from './types.ts'

/** What is known of a deployment without asking Azure: how its last calls ended. */
export interface DeploymentStatus {
  readonly lastSuccess: Date | undefined
  /** Of Azure or its configuration; a rejected prompt is no failure of the deployment. */
  readonly lastFailure: { readonly at: Date; readonly code: ErrorCode } | undefined
  /** Why the last call failed, except for what clients or the quota cause. */
  readonly failing: ErrorCode | undefined
  /** Milliseconds that an image takes from the request to its last byte, as far as calls have shown. */
  readonly typicalMs: number
  succeeded(durationMs: number): void
  failed(code: ErrorCode): void
}

/** Failures that say nothing against the deployment: clients or the quota cause them, or nothing was sent. */
const harmless: ReadonlySet<ErrorCode> = new Set([
  'IMG_ERR_AZURE_REJECTED',
  'IMG_ERR_AZURE_NO_IMAGE',
  'IMG_ERR_AZURE_RATE_LIMIT',
  'IMG_ERR_AZURE_CAPACITY',
  'IMG_ERR_AZURE_BUSY',
  'IMG_ERR_AZURE_NOT_SENT',
])

/** Until a call has shown it: images of the models take from five seconds to minutes. */
const INITIAL_TYPICAL_MS = 30_000
/** A single slow call hardly changes what is typical. */
const WEIGHT_OF_LAST = 0.2

export function createDeploymentStatus(now: () => Date = () => new Date()): DeploymentStatus {
  let lastSuccess: Date | undefined
  let lastFailure: { at: Date; code: ErrorCode } | undefined
  let failing: ErrorCode | undefined
  let typicalMs = INITIAL_TYPICAL_MS
  return {
    get lastSuccess() {
      return lastSuccess
    },
    get lastFailure() {
      return lastFailure
    },
    get failing() {
      return failing
    },
    get typicalMs() {
      return typicalMs
    },
    succeeded(durationMs) {
      typicalMs += (durationMs - typicalMs) * (lastSuccess === undefined ? 1 : WEIGHT_OF_LAST)
      lastSuccess = now()
      failing = undefined
    },
    failed(code) {
      if (errorFamily(code) === 'input') return
      lastFailure = { at: now(), code }
      if (!harmless.has(code)) failing = code
    },
  }
}

/** Whether no deployment generates images at the moment. */
function areAllDown(states: readonly DeploymentState[]): boolean {
  return states.every(({ failing, isBlocked }) => failing !== undefined || isBlocked)
}

/** For `/ready`. */
export const azurePart = (states: readonly DeploymentState[]) => ({
  ready: true,
  isDegraded: areAllDown(states),
  state: describeStatus(states),
  faults: deploymentFaults(states),
})

/** Why deployments do not generate images at the moment. */
function deploymentFaults(states: readonly DeploymentState[]): ErrorCode[] {
  return states.flatMap(({ isBlocked, failing, pausedMs, lastFailure }) => {
    if (isBlocked) return ['IMG_ERR_AZURE_ACCOUNT_BLOCKED']
    if (failing !== undefined) return [failing]
    return lastFailure !== undefined && pausedMs > 0 && isOfQuota(lastFailure.code) ? [lastFailure.code] : []
  })
}

const isOfQuota = (code: ErrorCode) => isAzureCode(code) && retryRule(code).action === 'waitForQuota'

/** The states by name, as `/ready` shows them: times, codes and numbers only. */
function describeStatus(
  states: readonly DeploymentState[],
): Record<string, Readonly<Record<string, string | number | boolean | undefined>>> {
  return Object.fromEntries(
    states.map((state) => {
      const { name, lastSuccess, lastFailure, waiting, quota, quotaRemaining } = state
      const facts = {
        state: stateOf(state),
        lastSuccess: lastSuccess?.toISOString(),
        lastFailure: lastFailure?.at.toISOString(),
        lastFailureCode: lastFailure?.code,
        waiting,
        quotaPerMinute: quota,
        quotaRemaining,
        blocked: state.isBlocked,
      }
      return [name, facts]
    }),
  )
}

function stateOf({ isBlocked, pausedMs, failing, lastSuccess }: DeploymentState): string {
  if (isBlocked) return 'account blocked'
  if (pausedMs > 0) return 'waiting for quota'
  if (failing !== undefined) return 'failing'
  return lastSuccess === undefined ? 'not used yet' : 'working'
}
