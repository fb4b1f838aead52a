import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { createOriginPolicy } from '../services/net/origin-policy.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook for `onRequest` of every route but probes and scrapes: rejects a Host that is not served here. */
    guardHost(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Hook for `onRequest` of routes that spend, store or show, after `guardHost`: rejects untrusted pages. */
    guardOrigin(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
  }
}

/** Host and Origin of those who call. */
async function originGuard(fastify: FastifyInstance): Promise<void> {
  const policy = createOriginPolicy(fastify.config.server)
  fastify.decorate('guardHost', function guardHost({ headers: { host }, raw }, _reply, done) {
    if (!policy.allowsHost(host) || hostsOf(raw) > 1) {
      throw fastify.httpErrors.forbidden('This Host is not served here; the operator may list it in ALLOWED_HOSTS.')
    }
    done()
  })
  fastify.decorate('guardOrigin', function guardOrigin({ headers: { origin } }, _reply, done) {
    if (!policy.allowsOrigin(origin)) {
      throw fastify.httpErrors.forbidden(
        'Pages of this Origin may not call; the operator may list it in ALLOWED_ORIGINS.',
      )
    }
    done()
  })
}

/** Node keeps the first of several and a proxy may go by the last, so more than one is foreign. */
function hostsOf({ rawHeaders }: IncomingMessage): number {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts
}

export default fp(originGuard, { name: 'origin-guard', dependencies: ['config', 'sensible'] })
