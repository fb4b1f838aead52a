import { ReportedError } from '../../errors/app-error.ts'
import { codeOf } from '../../errors/error-code.ts'
import { ServiceError, serviceError } from '../../errors/errors.ts'

type StorageErrorKind = 'taken' | 'missing' | 'denied' | 'unavailable' | 'failed'

/**
 * A failure of Azure Blob Storage in words of ours, for the log: the SDK's own errors quote addresses and headers, and hold
 * the request with the image.
 */
export class StorageError extends ReportedError {
  override name = 'StorageError'
  readonly kind: StorageErrorKind
  /** The status and Azure's code, or the system's code. */
  readonly reason: string
  /** What the operator can do. */
  readonly hint: string

  constructor(kind: StorageErrorKind, reason: string, hint: string, options: { cause?: unknown } = {}) {
    super(`Azure Blob Storage: ${reason}; ${hint}`, options)
    this.kind = kind
    this.reason = reason
    this.hint = hint
  }
}

const HINTS = {
  role: 'give the identity the role Storage Blob Data Contributor on the container, or check AZURE_STORAGE_KEY',
  firewall: 'check the role Storage Blob Data Contributor of the identity, and the firewall of the account',
  key: 'check AZURE_STORAGE_KEY and the clock of this machine',
  noKeys: 'the account accepts no keys: remove AZURE_STORAGE_KEY and give the service an identity',
  container: 'create the container that AZURE_STORAGE_URL names',
  immutable: 'the container is immutable: remove its policy, or use another container',
  account: 'enable the account, or use another one',
  reachable: 'check AZURE_STORAGE_URL and whether the account can be reached',
  defect: 'see the cause, or the log of the account',
} as const

interface CodeRow {
  kind: StorageErrorKind
  hint: string
}

const denied = (hint: string): CodeRow => ({ kind: 'denied', hint })
const taken: CodeRow = { kind: 'taken', hint: HINTS.defect }
const missing: CodeRow = { kind: 'missing', hint: HINTS.container }
const unavailable: CodeRow = { kind: 'unavailable', hint: HINTS.reachable }

/** https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes. Codes that are not here are not logged: they are text from outside. */
const codes: ReadonlyMap<string, CodeRow> = new Map([
  ['BlobAlreadyExists', taken],
  ['PathAlreadyExists', taken],
  ['BlobNotFound', missing],
  ['ContainerNotFound', denied(HINTS.container)],
  ['ContainerBeingDeleted', denied(HINTS.container)],
  ['ContainerDisabled', denied(HINTS.container)],
  ['ResourceNotFound', denied(HINTS.container)],
  ['AuthenticationFailed', denied(HINTS.key)],
  ['InvalidAuthenticationInfo', denied(HINTS.role)],
  ['NoAuthenticationInformation', denied(HINTS.role)],
  ['AuthorizationFailure', denied(HINTS.firewall)],
  ['AuthorizationPermissionMismatch', denied(HINTS.role)],
  ['InsufficientAccountPermissions', denied(HINTS.role)],
  ['KeyBasedAuthenticationNotPermitted', denied(HINTS.noKeys)],
  ['PublicAccessNotPermitted', denied(HINTS.role)],
  ['AccountIsDisabled', denied(HINTS.account)],
  ['BlobImmutableDueToPolicy', denied(HINTS.immutable)],
  ['ServerBusy', unavailable],
  ['OperationTimedOut', unavailable],
  ['InternalError', unavailable],
  ['AccountBeingCreated', unavailable],
])

/** Reads an error of the SDK, of its transport or of a credential. */
export function toStorageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  if (!(error instanceof Error)) return new StorageError('failed', 'the request failed', HINTS.defect)
  if ('statusCode' in error && typeof error.statusCode === 'number')
    return ofStatus(error.statusCode, azureCodeOf(error))
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return new StorageError('unavailable', 'TIMEOUT', HINTS.reachable)
  }
  const code = codeOf(error)
  return /^[A-Z][A-Z0-9_]{1,63}$/.test(code)
    ? new StorageError('unavailable', code, HINTS.reachable)
    : new StorageError('failed', 'the request failed', HINTS.defect, { cause: error })
}

function ofStatus(status: number, code: string): StorageError {
  const row = codes.get(code)
  if (row !== undefined) return new StorageError(row.kind, `${status} ${code}`, row.hint)
  const reason = `status ${status}`
  if (status === 404) return new StorageError('missing', reason, HINTS.container)
  if (status === 401 || status === 403) return new StorageError('denied', reason, HINTS.role)
  const isTemporary = status === 408 || status === 429 || status >= 500
  return new StorageError(isTemporary ? 'unavailable' : 'failed', reason, isTemporary ? HINTS.reachable : HINTS.defect)
}

/** Azure's code is in the body, or after `HEAD` in a header; the SDK parses both into `details`. */
function azureCodeOf(error: Error): string {
  const details = 'details' in error ? error.details : undefined
  const code = typeof details === 'object' && details !== null && 'errorCode' in details ? details.errorCode : undefined
  return typeof code === 'string' ? code : codeOf(error)
}

/** The error that a client gets for a failed write. */
export function toWriteError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  const cause = toStorageError(error)
  if (cause.kind === 'unavailable') return serviceError('IMG_ERR_STORE_UNAVAILABLE', [], { cause })
  const isDenied = cause.kind === 'denied' || cause.kind === 'missing'
  return serviceError(isDenied ? 'IMG_ERR_STORE_DENIED' : 'IMG_ERR_STORE_FAILED', [], { cause })
}

/** The error that a client gets if files cannot be listed or read. */
export function toReadError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  return serviceError('IMG_ERR_STORE_UNREACHABLE', [], { cause: toStorageError(error) })
}
