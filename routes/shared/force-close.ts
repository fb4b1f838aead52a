import type { FastifyRequest } from 'fastify'
import { cutOffRejection } from '../../services/calls/drain.ts'
import type { Rejection } from '../../services/errors/rejection.ts'
import type { HttpContext } from './context.ts'

/**
 * Does a request's work, whose memory stays reserved until it has ended.
 * @returns what the work returns, or at the end of the shutdown's grace period a rejection to send, while the work goes on
 */
export function untilForceClose<T>(
  { lifecycle }: FastifyRequest,
  context: HttpContext,
  work: () => Promise<T>,
): Promise<T | Rejection> {
  const { promise, resolve, reject } = Promise.withResolvers<T | Rejection>()
  lifecycle.begin()
  lifecycle.onForceClose(() => {
    const rejection = cutOffRejection(context)
    context.cancel()
    resolve(rejection)
  })
  work().then(
    (result) => {
      lifecycle.end()
      resolve(result)
    },
    (error) => {
      lifecycle.end()
      reject(error)
    },
  )
  return promise
}
