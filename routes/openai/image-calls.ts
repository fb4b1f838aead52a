import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { CommonRequest } from '../../schemas/openai.ts'
import type { CompiledTool, ToolResult } from '../../services/calls/types.ts'
import { Rejection } from '../../services/errors/rejection.ts'
import type { Timing } from '../../services/mcp/timeouts.ts'
import type { ContextOf, HttpContext } from '../shared/context.ts'
import { untilForceClose } from '../shared/force-close.ts'
import { sendBody } from '../shared/replies.ts'
import { streamEvents } from './event-stream.ts'
import { toImagesResponse } from './images-response.ts'
import { RequestError } from './request-error.ts'
import type { Retries } from './retries.ts'

/** A request as a call of a tool. */
export interface ImageCall {
  tool: CompiledTool
  args: Record<string, unknown>
  /** What the client sent, for what the response repeats of it. */
  request: CommonRequest
  /** The start of the names of its events. */
  event: 'image_generation' | 'image_edit'
}

/** Makes the call of a request and sends its result. */
export type RunImageCall = (request: FastifyRequest, reply: FastifyReply, call: ImageCall) => Promise<FastifyReply>

export function createImageCalls(
  fastify: FastifyInstance,
  contextOf: ContextOf<HttpContext>,
  retries: Pick<Retries, 'isRetry'>,
  timing: Pick<Timing, 'streamAfterMs' | 'commentEveryMs'>,
): RunImageCall {
  const { calls, chargeLoop } = fastify

  /** @throws Rejection also at the end of the shutdown's grace period, while the call goes on */
  async function run(request: FastifyRequest, context: HttpContext, { tool, args }: ImageCall): Promise<ToolResult> {
    const { id: requestId, idempotencyKey } = context
    const call = { context, tool, args, cost: 0, requestId, idempotencyKey, isRetry: retries.isRetry(request) }
    const result = await untilForceClose(request, context, () => chargeLoop(request, () => calls.run(call)))
    if (result instanceof Rejection) throw result
    return result
  }

  return async function runImageCall(request, reply, call) {
    const context = contextOf(request, reply)
    const response = run(request, context, call).then((result) => toImagesResponse(result, call.request))
    if (call.request.stream === true)
      return await streamEvents(reply, context, { ...timing, response, name: call.event })
    return sendBody(reply, await response)
  }
}

/** @throws RequestError 404 where no model can do what the path stands for */
export function requireTool(tool: CompiledTool | undefined): CompiledTool {
  if (tool !== undefined) return tool
  throw new RequestError('No model of this server can do this.', { status: 404, code: 'model_not_found' })
}
