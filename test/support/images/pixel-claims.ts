import type { PreparationClaim } from '../../../services/imaging/convert.ts'

/** A claim that lasts long enough unless a test says otherwise. */
export function claimOf(changes: Partial<PreparationClaim> = {}): PreparationClaim {
  return { caller: 'test', deadlineAt: performance.now() + 60_000, scope: new DisposableStack(), ...changes }
}
