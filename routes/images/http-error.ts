import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, ServiceError, serviceError } from '../../services/errors/errors.ts'
import { Rejection } from '../../services/errors/rejection.ts'

const RETRY_AFTER_MS = 5_000

/** What is wrong with a link has one response, so that it tells nothing about the image. */
const NOT_FOUND: ReadonlySet<ErrorCode> = new Set(['IMG_ERR_LINK', 'IMG_ERR_IMAGE_ID', 'IMG_ERR_STORE_MISSING'])

/** What failed behind a link, for HTTP. */
export function toHttpError(error: unknown): unknown {
  if (!(error instanceof ServiceError)) return error
  const { code, family, message, retryAfterMs = RETRY_AFTER_MS } = error
  if (NOT_FOUND.has(code)) return new Rejection(404, serviceError('IMG_ERR_LINK', []).message, { cause: error })
  // The image cannot be converted.
  if (family === 'input') return new Rejection(422, message, { cause: error })
  return new Rejection(503, serviceError('IMG_ERR_LINK_BUSY', []).message, { retryAfterMs, cause: error })
}

/** Gives every method that the routes do not have the response 405. @param methods that they have, for the header `Allow` */
export function rejectOtherMethods(
  scope: FastifyInstance,
  url: string,
  methods: readonly string[],
  hint: string,
): void {
  async function reject(_request: FastifyRequest, reply: FastifyReply): Promise<never> {
    reply.header('allow', methods.join(', '))
    throw scope.httpErrors.methodNotAllowed(hint)
  }
  const others = scope.supportedMethods.filter((method) => !scope.hasRoute({ method, url: scope.prefix + url }))
  scope.route({ method: others, url, onRequest: reject, handler: reject })
}
