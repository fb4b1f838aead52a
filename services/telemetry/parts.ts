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
}

export type CheckPart = () => PartState | Promise<PartState>

/** Milliseconds after which a part has its previous state: the time limit of a probe is often a second. */
const PATIENCE_MS = 500
const UNKNOWN: PartState = { ready: true, state: 'unknown' }

/** The checks of all parts by name. */
export function createParts() {
  const checks = new Map<string, CheckPart>()
  const last = new Map<string, PartState>()

  async function look(part: string, check: CheckPart): Promise<PartState> {
    const state = await check()
    last.set(part, state)
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
