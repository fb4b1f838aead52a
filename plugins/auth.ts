import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { AccessError } from '../services/auth/access-error.ts'
import { openApiKeys } from '../services/auth/api-key-file.ts'
import { type Authenticator, addressCaller, type Caller, createAuthenticator } from '../services/auth/authenticator.ts'
import { createFailureLimit } from '../services/auth/failed-logins.ts'
import { challenge, describeResources, type ProtectedResource } from '../services/auth/resource-metadata.ts'
import { checkScrape } from '../services/auth/scrape-access.ts'
import { readSecretFile } from '../services/config/environment.ts'
import { codeOf } from '../services/errors/error-code.ts'
import { type LibraryAccess, libraryAccess } from '../services/library/access.ts'
import { apiKeyIn } from '../services/net/credential-headers.ts'
import { isForwarded } from '../services/net/forwarding-headers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which of the protected resources the route is; `root` by default. */
    oauthResource?: 'root' | 'mcp'
  }
  interface FastifyInstance {
    /** Hook of routes that spend money: sets `request.caller`. @throws AccessError */
    authenticate(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Hook of `/metrics`. @throws AccessError */
    authenticateScrape(request: FastifyRequest, reply: FastifyReply): Promise<void>
    /** What the request's caller may do with stored images. */
    libraryAccess(request: FastifyRequest): LibraryAccess
    /** The resources that OAuth clients may discover; undefined without OAuth. */
    protectedResources: ReturnType<typeof describeResources> | undefined
  }
  interface FastifyRequest {
    /** The authenticated caller, or the client's address where `authenticate` has not run. */
    readonly caller: Caller
    /** Set by `authenticate`. */
    identity: Caller | undefined
  }
}

/** Authentication of callers and of scrapes. */
async function auth(fastify: FastifyInstance): Promise<void> {
  const { config, log, metrics, createLimiter } = fastify
  const { oauth, metricsToken, failedLoginsPerMinute } = config.auth
  const authenticator = await openAuthenticator(fastify)
  const resources = oauth && describeResources(oauth.publicUrl)
  fastify.decorate('protectedResources', resources)
  if (authenticator.isOpen && !config.server.isLocal) {
    log.warn(
      { MCP_SERVER_HOST: config.server.host },
      'no authentication: every client that reaches this address can generate images at your cost and write files; set MCP_API_KEYS or OAUTH_ISSUER (REQUIRE_AUTH=true makes one of them mandatory)',
    )
  }

  fastify.decorateRequest('identity', undefined)
  fastify.decorateRequest('caller', {
    getter(this: FastifyRequest) {
      return this.identity ?? addressCaller(this.ip)
    },
  })

  const { isShared } = config.library
  const rules = { isAuthenticated: !authenticator.isOpen, isLocal: config.server.isLocal, isShared }
  fastify.decorate('libraryAccess', ({ caller, headers }) => libraryAccess(rules, caller, isForwarded(headers)))

  const countFailure = createFailureLimit({
    perMinute: failedLoginsPerMinute,
    createLimiter,
    onExceeded: () => metrics.rejections.inc({ reason: 'logins' }),
  })

  /** The error to send, with its headers set. @param resource what the client may discover */
  async function reject(request: FastifyRequest, reply: FastifyReply, failure: unknown, resource?: ProtectedResource) {
    if (!(failure instanceof AccessError)) return failure
    const error = (await countFailure(request.ip, failure)) ?? failure
    const { statusCode, reason, retryAfterMs, message, cause } = error
    const scopes = resource === undefined ? [] : (oauth?.requiredScopes ?? [])
    if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / 1000))
    else if (statusCode === 401 || reason !== undefined) {
      reply.header('www-authenticate', challenge(error, resource?.metadataUrl, scopes))
    }
    // Only the code of the cause: jose's errors carry the claims of the token, which may hold names and addresses.
    const facts = { status: statusCode, address: request.ip, reason: message, cause: codeOf(cause) || undefined }
    request.log.info(facts, 'caller rejected')
    return error
  }

  // Synchronous where nothing is awaited, because every request passes here.
  fastify.decorate('authenticate', function authenticate(request, reply, done) {
    const accept = (caller: Caller) => {
      request.identity = caller
      done()
    }
    const fail = (failure: unknown) => {
      const resource = resources?.[request.routeOptions.config.oauthResource ?? 'root']
      reject(request, reply, failure, resource).then((error) => done(toError(error)), done)
    }
    const { authorization } = request.headers
    let caller: Caller | Promise<Caller>
    try {
      caller = authenticator.identify({ authorization, apiKey: apiKeyIn(request.headers), address: request.ip })
    } catch (error) {
      fail(error)
      return
    }
    if (caller instanceof Promise) caller.then(accept, fail)
    else accept(caller)
  })

  fastify.decorate('authenticateScrape', async function authenticateScrape(request, reply) {
    const { headers, ip: address, socket } = request
    const isTrustedProxy = config.server.trustedProxies.has(socket.remoteAddress)
    try {
      checkScrape({ headers, address, isTrustedProxy }, metricsToken?.reveal())
    } catch (error) {
      throw await reject(request, reply, error)
    }
  })
}

/** The token libraries are loaded only with OAuth. */
async function openAuthenticator(fastify: FastifyInstance): Promise<Authenticator> {
  const { config, log } = fastify
  const { apiKeys, apiKeysFile, oauth } = config.auth
  const file = apiKeysFile === undefined ? undefined : { path: apiKeysFile, read: readSecretFile }
  const keys = apiKeys && openApiKeys(apiKeys, file, log)
  fastify.addHook('onClose', async () => keys?.close())
  if (oauth === undefined) return createAuthenticator({ keys, verifyToken: undefined })

  const { openTokenVerification } = await import('../services/auth/token-verification.ts')
  const tokens = openTokenVerification({ ...oauth, http: config.outbound, log })
  fastify.addHook('onClose', tokens.close)
  return createAuthenticator({ keys, verifyToken: tokens.verify })
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error('authentication failed', { cause: error })
}

export default fp(auth, {
  name: 'auth',
  dependencies: ['config', 'logger', 'metrics', 'rate-limit'],
})
