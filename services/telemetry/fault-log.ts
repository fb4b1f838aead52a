import { type FaultCode, faultMessages, isServiceFault, type ServiceFault } from '../errors/faults.ts'
import type { Logger } from '../logging/logger.ts'

export interface Fault {
  readonly code: FaultCode
  /** For the log, such as the rules of a budget. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined
}

/** Logged where they begin and end, with the reason. */
const loggedElsewhere: ReadonlySet<ServiceFault> = new Set([
  'IMG_ERR_REDIS_UNREACHABLE',
  'IMG_ERR_REDIS_FULL',
  'IMG_ERR_POLICY_FILE',
  'IMG_ERR_SECRET_FILE',
])

/** Logs each fault of the service when it begins, when its facts change, and when it ends; calls log those of Azure. */
export function createFaultLog(log: Logger): (faults: readonly Fault[]) => void {
  let known: ReadonlyMap<ServiceFault, string> = new Map()
  return (faults) => {
    const current = new Map<ServiceFault, string>()
    for (const { code, facts } of faults) {
      if (!isServiceFault(code) || loggedElsewhere.has(code)) continue
      const text = JSON.stringify(facts ?? {})
      current.set(code, text)
      if (known.get(code) !== text) log.warn({ code, ...facts }, faultMessages[code])
    }
    for (const code of known.keys()) if (!current.has(code)) log.info({ code }, 'fault ended')
    known = current
  }
}
