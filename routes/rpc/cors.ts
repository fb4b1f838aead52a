import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'

/**
 * Lets pages read answers whose origin the guard has let through, such as MCP Inspector's.
 * https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function allowOrigin(
  { headers: { origin } }: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  reply.header('vary', 'Origin')
  if (origin !== undefined) {
    reply.headers({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'X-Request-Id, Retry-After, WWW-Authenticate',
    })
  }
  done()
}

/** Seconds that a browser may remember a preflight; two hours is the most that Chromium keeps. */
export const PREFLIGHT_MAX_AGE = 7200

/** Any header may be asked for: MCP has clients mirror parameters into headers with names of their own. */
export async function respondPreflight({ headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const asked = headers['access-control-request-headers']
  reply.header('vary', 'Origin, Access-Control-Request-Headers').header('allow', 'POST, OPTIONS')
  if (asked !== undefined) reply.header('access-control-allow-headers', asked)
  return reply
    .code(204)
    .headers({ 'access-control-allow-methods': 'POST', 'access-control-max-age': PREFLIGHT_MAX_AGE })
    .send()
}
