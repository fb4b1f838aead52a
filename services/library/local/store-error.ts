import { codeOf } from '../../errors/error-code.ts'
import { type ErrorCode, ServiceError, serviceError } from '../../errors/errors.ts'

const codesByCause: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'IMG_ERR_STORE_FULL',
  EDQUOT: 'IMG_ERR_STORE_FULL',
  EFBIG: 'IMG_ERR_STORE_FULL',
  EACCES: 'IMG_ERR_STORE_UNWRITABLE',
  EPERM: 'IMG_ERR_STORE_UNWRITABLE',
  EROFS: 'IMG_ERR_STORE_UNWRITABLE',
  ENOENT: 'IMG_ERR_STORE_UNWRITABLE',
  ENOTDIR: 'IMG_ERR_STORE_UNWRITABLE',
  EEXIST: 'IMG_ERR_STORE_UNWRITABLE',
  ERR_ACCESS_DENIED: 'IMG_ERR_STORE_UNWRITABLE',
}

/** Whether a system's error means that the disk, or the user's share of it, has no room. */
export const isDiskFull = (error: unknown): boolean => codesByCause[codeOf(error)] === 'IMG_ERR_STORE_FULL'

/** The error that a client gets for a failed write. */
export function toStoreError(cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause
  return serviceError(codesByCause[codeOf(cause)] ?? 'IMG_ERR_STORE_FAILED', [], { cause })
}
