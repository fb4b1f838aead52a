import { ReportedError } from '../../errors/app-error.ts'
import { codeOf } from '../../errors/error-code.ts'
import { ServiceError, serviceError } from '../../errors/errors.ts'

/** What is wrong: the access, or the network and the service. */
type FaultKind = 'taken' | 'missing' | 'denied' | 'unavailable' | 'failed'

/**
 * A failure of Azure Blob Storage in words of ours, for the log: the SDK's own errors quote addresses and headers, and hold
 * the request with the image.
 */
export class StorageFault extends ReportedError {
  override name = 'StorageFault'
  readonly kind: FaultKind
  /** The status and Azure's code, or the system's code. */
  readonly reason: string
  /** What the operator can do. */
  readonly hint: string

  constructor(kind: FaultKind, reason: string, hint: string, options: { cause?: unknown } = {}) {
    super(`Azure Blob Storage: ${reason}; ${hint}`, options)
    this.kind = kind
    this.reason = reason
    this.hint = hint
  }
}

const HINTS = {
  denied:
    'give the identity the role Storage Blob Data Contributor on the container, or check AZURE_STORAGE_KEY and the firewall of the account',
  container: 'create the container that AZURE_STORAGE_URL names',
  unavailable: 'check AZURE_STORAGE_URL and whether the account can be reached',
  failed: 'the codes are in the documentation of Azure Blob Storage',
} as const

/** Reads an error of the SDK, of its transport or of a credential. */
export function toFault(error: unknown): StorageFault {
  if (error instanceof StorageFault) return error
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  const code = azureCodeOf(error)
  if (typeof status === 'number') return faultOfStatus(status, code)
  const isTimeout = error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')
  if (isTimeout) return new StorageFault('unavailable', 'TIMEOUT', HINTS.unavailable)
  if (code !== '') return new StorageFault('unavailable', code, HINTS.unavailable)
  return new StorageFault('failed', 'the request failed', HINTS.failed, { cause: error })
}

/** The container is missing or about to go. https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes */
const CONTAINER_CODES = new Set(['ContainerNotFound', 'ContainerBeingDeleted', 'ContainerDisabled', 'ResourceNotFound'])
const TAKEN_CODES = new Set(['BlobAlreadyExists', 'PathAlreadyExists', 'ResourceAlreadyExists'])

function faultOfStatus(status: number, code: string): StorageFault {
  const reason = `${status} ${code}`.trimEnd()
  if (CONTAINER_CODES.has(code)) return new StorageFault('denied', reason, HINTS.container)
  if (TAKEN_CODES.has(code)) return new StorageFault('taken', reason, HINTS.failed)
  if (status === 404) return new StorageFault('missing', reason, HINTS.container)
  if (status === 401 || status === 403) return new StorageFault('denied', reason, HINTS.denied)
  if (status === 408 || status === 429 || status >= 500) {
    return new StorageFault('unavailable', reason, HINTS.unavailable)
  }
  return new StorageFault('failed', reason, HINTS.failed)
}

/** Azure's code is in the body, or after `HEAD` in a header; both are parsed into `details`. */
function azureCodeOf(error: unknown): string {
  const details = error instanceof Error && 'details' in error ? error.details : undefined
  const named =
    typeof details === 'object' && details !== null && 'errorCode' in details ? details.errorCode : undefined
  const code = typeof named === 'string' ? named : codeOf(error)
  return /^[A-Za-z][A-Za-z0-9_]{1,63}$/.test(code) ? code : ''
}

/** The error that a client gets for a failed write. */
export function toWriteError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  const cause = toFault(error)
  if (cause.kind === 'unavailable') return serviceError('IMG_ERR_STORE_UNAVAILABLE', [], { cause })
  const isDenied = cause.kind === 'denied' || cause.kind === 'missing'
  return serviceError(isDenied ? 'IMG_ERR_STORE_DENIED' : 'IMG_ERR_STORE_FAILED', [], { cause })
}

/** The error that a client gets if files cannot be listed or read. */
export function toReadError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  return serviceError('IMG_ERR_STORE_UNREACHABLE', [], { cause: toFault(error) })
}
