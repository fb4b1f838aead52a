import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Rejection } from '../../services/errors/rejection.ts'
import { invalidRequest, parseError } from '../../services/mcp/protocol-error.ts'
import { discardBody } from '../shared/discard-body.ts'
import { EMPTY_BODY, toRejection } from '../shared/http-failure.ts'
import type { RpcContext } from './context.ts'
import { sendJson } from './responder.ts'

/** Turns everything that fails in these routes into a JSON-RPC error. */
export function addErrorHandler(
  fastify: FastifyInstance,
  contextOf: (request: FastifyRequest, reply: FastifyReply) => RpcContext,
): void {
  const { mcp, config } = fastify
  const maxBodyBytes = config.limits.maxBodyBytes
  fastify.setErrorHandler(async function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
    discardBody(error, request, reply, maxBodyBytes)
    // Without a body and its type no parser runs, and the schema rejects what is absent.
    const isEmpty = error.code === EMPTY_BODY || (error.validationContext === 'body' && request.body === undefined)
    const failure = isEmpty
      ? parseError('The body is empty: send one JSON-RPC message.')
      : toProtocolError(error, maxBodyBytes)
    return sendJson(reply, mcp.reject(failure, request.body, contextOf(request, reply)))
  })
}

/** What the framework or a guard threw, as an error of the protocol with a sentence of ours. */
function toProtocolError(error: unknown, maxBodyBytes: number): unknown {
  const failure = toRejection(error, maxBodyBytes)
  if (!(failure instanceof Rejection) || CALL_STATUSES.has(failure.statusCode)) return failure
  return invalidRequest(failure.message, failure.statusCode)
}

/** Statuses of access, load and time, which become the code of the error. All others are about the message itself. */
const CALL_STATUSES: ReadonlySet<number> = new Set([401, 403, 408, 429, 503, 504])
