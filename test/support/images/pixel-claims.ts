import type { PreparationClaim } from '../../../services/imaging/convert.ts'

/** A claim with a long deadline by default. */
export function claimOf(changes: Partial<PreparationClaim> = {}): PreparationClaim {
  return { caller: 'test', deadlineAt: performance.now() + 60_000, scope: new DisposableStack(), ...changes }
}
