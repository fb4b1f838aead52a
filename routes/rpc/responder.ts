import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Message } from '../../schemas/json-rpc.ts'
import { Rejection } from '../../services/errors/rejection.ts'
import { hasProgressToken } from '../../services/mcp/envelope.ts'
import { invalidRequest } from '../../services/mcp/protocol-error.ts'
import type { Timing } from '../../services/mcp/timeouts.ts'
import type { Response } from '../../services/mcp/types.ts'
import { untilForceClose } from '../shared/force-close.ts'
import { sendBody, sendEvents } from '../shared/replies.ts'
import { type EventStream, eventOf, lastEventOf } from '../shared/sse-writer.ts'
import { readAccept } from './content-negotiation.ts'
import type { RpcContext } from './context.ts'

type Request = FastifyRequest<{ Body: Message | unknown[] }>

/** Has the engine process a request, and sends its response as JSON or as an event stream. */
export type Respond = (request: Request, reply: FastifyReply, context: RpcContext) => Promise<FastifyReply>

const NOT_ACCEPTABLE = 'This endpoint returns application/json or text/event-stream: accept one of them.'

export function createResponder(
  { mcp, chargeLoop }: FastifyInstance,
  { streamAfterMs, commentEveryMs }: Pick<Timing, 'streamAfterMs' | 'commentEveryMs'>,
): Respond {
  /** Resolves with the response, or during shutdown with a rejection while the call goes on. */
  async function handle(request: Request, context: RpcContext): Promise<Response> {
    const { body } = request
    const handled = await untilForceClose(request, context, () => chargeLoop(request, () => mcp.handle(body, context)))
    return handled instanceof Rejection ? mcp.cutOff(handled, body, context) : handled
  }

  /** Opens an event stream when there is progress to send or the response takes long. */
  function respondStreaming(request: Request, reply: FastifyReply, context: RpcContext, acceptsJson: boolean) {
    const { promise, resolve, reject } = Promise.withResolvers<FastifyReply>()
    let stream: EventStream | undefined
    let hasEnded = false
    let timer: NodeJS.Timeout | undefined

    function openStream(): EventStream {
      if (stream !== undefined) return stream
      const opened = sendEvents(reply, commentEveryMs)
      stream = opened.stream
      resolve(opened.sent)
      return stream
    }
    function openEarly(): EventStream {
      const early = openStream()
      early.open()
      return early
    }
    function sendResponse(response: Response): void {
      hasEnded = true
      clearTimeout(timer)
      const prefersStream = response.status === 200 && (!acceptsJson || hasProgressToken(request.body))
      if (stream !== undefined || prefersStream) finishStream(openStream(), response)
      else resolve(sendJson(reply, response))
    }
    function sendFailure(err: unknown): void {
      hasEnded = true
      clearTimeout(timer)
      if (stream === undefined) {
        reject(err)
        return
      }
      // The status has been sent; a broken connection shows the client at least that the response is not complete.
      request.log.error({ err }, 'sending the response failed')
      stream.finish()
      reply.raw.destroy()
    }

    // Most responses need no timer, because they are ready within this tick.
    process.nextTick(() => {
      if (!hasEnded) timer = setTimeout(openEarly, streamAfterMs).unref()
    })
    context.notify = (notification) => openEarly().notify(eventOf('message', notification))
    context.ask = (question) => openEarly().send(eventOf('message', question))
    handle(request, context).then(sendResponse).catch(sendFailure)
    return promise
  }

  return async function respond(request, reply, context) {
    const accepted = readAccept(request.headers.accept)
    if (!accepted.json && !accepted.stream) throw invalidRequest(NOT_ACCEPTABLE, 406)
    // The response to a batch is one JSON array, whatever the client accepts.
    if (accepted.stream && !Array.isArray(request.body)) {
      return await respondStreaming(request, reply, context, accepted.json)
    }
    return sendJson(reply, await handle(request, context))
  }
}

export function sendJson(reply: FastifyReply, { status, body, retryAfterMs }: Response): FastifyReply {
  reply.code(status)
  if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / 1000))
  return body === undefined ? reply.send() : sendBody(reply, body)
}

function finishStream(stream: EventStream, { body }: Response): void {
  if (body === undefined) stream.finish()
  else stream.finish(lastEventOf('message', body))
}
