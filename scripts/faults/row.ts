import { type FaultCode, faultMessages, type ServiceFault } from '../../services/errors/faults.ts'

/** Of the documentation in both languages. */
export interface Texts {
  en: string
  zh: string
}

/** A fault that an operator repairs, and what shows it. The documentation is written from these rows, and a test causes each. */
export interface FaultRow {
  fault: Texts
  /** Absent: no running process can report it. */
  code?: FaultCode
  /** The message of its line in the log, and words that a field of the line has one of. */
  log?: { message: string; reason?: readonly string[] }
  /**
   * A member of `/ready` and its value, `…` for what differs, beside the code in `faults`; absent: no operator has to act, and
   * `faults` does not have it.
   */
  ready?: { member: string; value?: string }
  /** Series that are greater than 0 while it lasts. */
  metric: string
  alert: string
  todo: Texts
}

/** A fault that the service finds by itself. */
export function ofService(
  code: ServiceFault,
  ready: NonNullable<FaultRow['ready']>,
  alert: string,
  fault: Texts,
  todo: Texts,
): FaultRow {
  const metric = `image_mcp_fault{code="${code}"}`
  return { fault, code, log: { message: faultMessages[code] }, ready, metric, alert, todo }
}
