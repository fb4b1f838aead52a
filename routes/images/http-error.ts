import { ServiceError, serviceError } from '../../services/errors/errors.ts'
import { Rejection } from '../../services/errors/rejection.ts'

const RETRY_AFTER_MS = 5_000

/**
 * What failed behind a link, for HTTP. Whatever is wrong with the link itself has one response, so that it tells nothing
 * about the image.
 */
export function toHttpError(error: unknown): unknown {
  if (!(error instanceof ServiceError)) return error
  if (error.family === 'input') return new Rejection(404, serviceError('IMG_ERR_LINK', []).message, { cause: error })
  return new Rejection(503, serviceError('IMG_ERR_LINK_BUSY', []).message, {
    retryAfterMs: error.retryAfterMs ?? RETRY_AFTER_MS,
    cause: error,
  })
}
