import { type FaultCode, faultMessages, isServiceFault, type ServiceFault } from '../errors/faults.ts'
import type { Logger } from '../logging/logger.ts'

/** Logged where they happen, with the reason. */
const loggedElsewhere: ReadonlySet<ServiceFault> = new Set([
  'IMG_ERR_REDIS_UNREACHABLE',
  'IMG_ERR_REDIS_FULL',
  'IMG_ERR_POLICY_FILE',
  'IMG_ERR_SECRET_FILE',
])

/** Logs each fault of the service when it begins and when it ends; calls log those of Azure. */
export function createFaultLog(log: Logger): (faults: readonly FaultCode[]) => void {
  let known: ReadonlySet<ServiceFault> = new Set()
  return (faults) => {
    const current = new Set(faults.filter(isServiceFault).filter((code) => !loggedElsewhere.has(code)))
    for (const code of current.difference(known)) log.warn({ code }, faultMessages[code])
    for (const code of known.difference(current)) log.info({ code }, 'fault ended')
    known = current
  }
}
