import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'

/** Hook for `onRequest`, after `limitRequests`: the limit of requests under the names that OpenAI's clients read. */
export function setLimitHeaders(_request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
  const limit = reply.getHeader('x-ratelimit-limit')
  if (limit !== undefined) {
    reply.headers({
      'x-ratelimit-limit-requests': limit,
      'x-ratelimit-remaining-requests': reply.getHeader('x-ratelimit-remaining'),
      'x-ratelimit-reset-requests': `${reply.getHeader('x-ratelimit-reset')}s`,
    })
  }
  done()
}
