import type { IncomingMessage } from 'node:http'
import helmet from '@fastify/helmet'
import type { FastifyInstance, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { baseUrlOf } from '../services/net/base-url.ts'
import { createOriginPolicy } from '../services/net/origin-policy.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook for `onRequest` of every route but probes and scrapes: rejects other hosts than the service's. */
    guardHost(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Hook for `onRequest` of routes that spend, store or show, after `guardHost`: rejects untrusted web pages. */
    guardOrigin(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Whether `guardOrigin` accepts pages of this origin. */
    allowsOrigin(origin: string): boolean
    /** Where the client of a request that `guardHost` accepted reaches this service, without a slash at the end. */
    baseUrlOf(request: FastifyRequest): string | undefined
  }
}

/** Security headers of every response except JSON-RPC, and the guards of Host and Origin. */
async function security(fastify: FastifyInstance): Promise<void> {
  const { config, httpErrors } = fastify
  // A route that shows more than text has its own `helmet` option.
  await fastify.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    xFrameOptions: { action: 'deny' },
    // The server that terminates TLS sets it.
    strictTransportSecurity: false,
    // Pages of other origins may load what they have a signed link to.
    crossOriginResourcePolicy: false,
  })

  const policy = createOriginPolicy(config.server)
  fastify.decorate('guardHost', function guardHost({ headers: { host }, raw }, _reply, done) {
    if (policy.allowsHost(host) && countHosts(raw) <= 1) done()
    else done(httpErrors.forbidden('Host not allowed. Operators can add it to ALLOWED_HOSTS.'))
  })
  const { publicUrl } = config.server
  fastify.decorate('baseUrlOf', ({ protocol, host: forwardedHost, headers: { host } }) =>
    baseUrlOf({ protocol, forwardedHost, host }, { publicUrl, allowsHost: policy.allowsHost }),
  )
  fastify.decorate('allowsOrigin', policy.allowsOrigin)
  fastify.decorate('guardOrigin', function guardOrigin({ headers: { origin } }, _reply, done) {
    if (policy.allowsOrigin(origin)) done()
    else done(httpErrors.forbidden('Origin not allowed. Operators can add it to ALLOWED_ORIGINS.'))
  })
}

/** Of several Host headers Node uses the first and a proxy perhaps the last, so that more than one is rejected. */
function countHosts({ rawHeaders }: IncomingMessage): number {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts
}

export default fp(security, { name: 'security', dependencies: ['config', 'error-handler'] })
