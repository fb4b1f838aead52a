import { setTimeout as pause } from 'node:timers/promises'
import type { FaultCode } from '../errors/faults.ts'

type State = string | number | boolean | { readonly [name: string]: State | undefined }

/** The state of one part. `ready: false` takes the whole service out of the load balancer. */
export interface PartState {
  ready: boolean
  /** Calls fail at the moment, but no other replica would do better. */
  isDegraded?: boolean
  /** A few words from a closed set, or several such states by name, shown in `/ready`. */
  state: State
  /** What an operator has to repair. */
  faults?: readonly FaultCode[] | undefined
  /** Of these faults, for the log only: any client may read `/ready`. */
  facts?: Readonly<Record<string, unknown>> | undefined
}

export type CheckPart = () => PartState | Promise<PartState>

/** Milliseconds after which a part has its previous state: the time limit of a probe is often a second. */
const PATIENCE_MS = 500
const UNKNOWN: PartState = { ready: true, state: 'unknown' }

/**
 * The checks of all parts by name.
 *
 * @param onFailed a check rejects; called once until it succeeds again
 */
export function createParts(onFailed: (part: string, error: unknown) => void) {
  const checks = new Map<string, CheckPart>()
  const last = new Map<string, PartState>()
  const running = new Map<string, Promise<PartState>>()
  const failed = new Set<string>()

  /** Never rejects: what cannot be checked takes nothing out of service, and hides no other part. */
  async function run(part: string, check: CheckPart): Promise<PartState> {
    try {
      const state = await Promise.try(check)
      failed.delete(part)
      last.set(part, state)
      return state
    } catch (error) {
      if (!failed.has(part)) onFailed(part, error)
      failed.add(part)
      last.delete(part)
      return UNKNOWN
    } finally {
      running.delete(part)
    }
  }

  /** Shared by all who ask meanwhile: what does not respond is not asked again for every probe. */
  function look(part: string, check: CheckPart): Promise<PartState> {
    const state = running.get(part) ?? run(part, check)
    running.set(part, state)
    return state
  }

  return {
    add(part: string, check: CheckPart): void {
      checks.set(part, check)
    },
    /** Never waits long for what does not respond. */
    async states(): Promise<(PartState & { part: string })[]> {
      const isLate = pause(PATIENCE_MS, undefined, { ref: false })
      const found = [...checks].map(async ([part, check]) => {
        const state = await Promise.race([look(part, check), isLate])
        return { part, ...(state ?? last.get(part) ?? UNKNOWN) }
      })
      return await Promise.all(found)
    },
  }
}
