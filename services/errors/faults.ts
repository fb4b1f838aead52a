import { errorTable } from './error-table.ts'
import { type ErrorCode, errorCodes } from './errors.ts'

/**
 * What an operator repairs. One code names a fault in the log, in `faults` of `/ready`, in `image_mcp_fault{code}`, in the
 * alert and in docs/faults.md. The failures of Azure have their codes in the table of errors.
 */
export const faultMessages = {
  IMG_ERR_STORE_UNWRITABLE: 'the images folder is not writable: images are returned, but not saved',
  IMG_ERR_STORE_FULL: 'the disk of the images folder is full: images are returned, but not saved',
  IMG_ERR_STORE_DENIED: 'the storage container is missing or denies access: images are returned, but not saved',
  IMG_ERR_STORE_UNAVAILABLE: 'the storage container is not available: images are returned, but not saved',
  IMG_ERR_REDIS_UNREACHABLE: 'redis unreachable, each replica counts by itself',
  IMG_ERR_REDIS_FULL: 'redis is full, each replica counts by itself',
  IMG_ERR_DATABASE_UNREACHABLE: 'postgres unreachable: no job is accepted, and no call under a money rule',
  IMG_ERR_JOBS_WAITING: 'the oldest queued job has waited for half an hour',
  IMG_ERR_POLICY_FILE: 'policy file unusable, the previous rules hold',
  IMG_ERR_SECRET_FILE: 'secret file unusable, the previous secret holds',
  IMG_ERR_CERTIFICATE_ENDING: 'the certificate for Azure ends in less than 30 days',
  IMG_ERR_MODEL_RETIRING: 'Azure retires the model of a deployment in less than 30 days',
  IMG_ERR_BUFFERS_FULL: 'MAX_BUFFERED_BYTES is reached: images are buffered in temporary files',
  IMG_ERR_BUDGET_NEARLY_USED: 'nine tenths of a budget are spent: calls that do not fit into the rest are rejected',
  IMG_ERR_OVERLOADED: 'the event loop cannot keep up: the heaviest callers are rejected',
} as const

export type ServiceFault = keyof typeof faultMessages
export type FaultCode = ServiceFault | ErrorCode

const serviceFaults = Object.keys(faultMessages).filter((code): code is ServiceFault => isServiceFault(code))

export function isServiceFault(code: string): code is ServiceFault {
  return Object.hasOwn(faultMessages, code)
}

/** Every code that may be a fault, for series that exist before it is one. */
export const faultCodes: readonly FaultCode[] = [
  ...errorCodes.filter((code) => code.startsWith('IMG_ERR_AZURE_') && errorTable[code].family === 'upstream'),
  ...serviceFaults,
]
