import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { AccessError } from '../services/auth/access-error.ts'
import { followKeyFile, type KeySource } from '../services/auth/api-key-file.ts'
import { isSameSecret } from '../services/auth/api-keys.ts'
import {
  type Authenticator,
  addressCaller,
  type Caller,
  createAuthenticator,
  readBearer,
} from '../services/auth/authenticator.ts'
import { challenge, describeResources, type ProtectedResource } from '../services/auth/resource-metadata.ts'
import { createHttpClient } from '../services/net/http-client.ts'
import { isPrivate, rateLimitPrefix } from '../services/net/ip-address.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook of routes that spend money: sets `request.caller`. @throws AccessError */
    authenticate(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Hook of `/metrics`. @throws AccessError */
    authenticateScrape(request: FastifyRequest, reply: FastifyReply): Promise<void>
    /** The resources that OAuth clients may discover; undefined without OAuth. */
    protectedResources: ReturnType<typeof describeResources> | undefined
  }
  interface FastifyRequest {
    /** The authenticated caller, or the client's address where `authenticate` has not run. */
    caller: Caller
  }
}

/** Shorter keys can be guessed. */
const WEAK_KEY_LENGTH = 16
const MINUTE_MS = 60_000

const INVALID = { reason: 'invalid_token' } as const

/** Any of them shows that a proxy sent the request. */
const PROXY_HEADERS = [
  'x-forwarded-for',
  'forwarded',
  'x-real-ip',
  'x-forwarded-host',
  'x-forwarded-proto',
  'via',
] as const

/** Authentication of callers and of scrapes. */
async function auth(fastify: FastifyInstance): Promise<void> {
  const { config } = fastify
  const { metricsToken } = config.auth
  const oauth = config.auth.oauth && describeResources(config.auth.oauth.publicUrl)
  const scopes = config.auth.oauth?.requiredScopes ?? []
  const authenticator = createAuthenticator({ keys: openKeys(fastify), verifyToken: await openTokens(fastify) })
  const countFailure = createFailureLimit(fastify)
  warnOfRisks(fastify, authenticator)

  fastify.decorate('protectedResources', oauth)
  const callers = new WeakMap<FastifyRequest, Caller>()
  fastify.decorateRequest('caller', {
    getter(this: FastifyRequest) {
      return callers.get(this) ?? addressCaller(this.ip)
    },
    setter(this: FastifyRequest, caller: Caller) {
      callers.set(this, caller)
    },
  })

  // Synchronous where nothing is awaited, because every request passes here.
  fastify.decorate('authenticate', function authenticate(request, reply, done) {
    const accept = (caller: Caller) => {
      request.caller = caller
      done()
    }
    const fail = (error: Error) => {
      if (error instanceof AccessError) {
        reject(request, reply, error, oauth && resourceOf(request, oauth)).then(done, done)
      } else done(error)
    }
    let caller: Caller | Promise<Caller>
    try {
      caller = authenticator.identify({
        authorization: request.headers.authorization,
        apiKey: firstOf(request.headers['x-api-key']),
        address: request.ip,
      })
    } catch (error) {
      fail(error instanceof Error ? error : new Error('caller could not be identified', { cause: error }))
      return
    }
    if (caller instanceof Promise) caller.then(accept, fail)
    else accept(caller)
  })

  fastify.decorate('authenticateScrape', async function authenticateScrape(request, reply) {
    if (metricsToken === undefined) {
      // The address of a proxy that is not trusted says nothing about the client behind it.
      const isHidden = isForwarded(request) && !fastify.trustedProxies.has(request.socket.remoteAddress)
      if (isPrivate(request.ip) && !isHidden) return
      throw new AccessError(403, 'Metrics are only served to private networks unless METRICS_TOKEN is set.')
    }
    const token = readBearer(request.headers.authorization)
    if (token !== undefined && isSameSecret(metricsToken.reveal(), token)) return
    const sentence = 'Authentication required: send METRICS_TOKEN as "Authorization: Bearer <token>".'
    throw await reject(request, reply, new AccessError(401, sentence, token === undefined ? {} : INVALID))
  })

  /** Sets the headers of a rejection, or turns it into a 429 after too many failures. */
  async function reject(
    request: FastifyRequest,
    reply: FastifyReply,
    failure: AccessError,
    resource?: ProtectedResource,
  ): Promise<AccessError> {
    const error = (await countFailure(request, failure)) ?? failure
    const { statusCode, retryAfterMs, message, cause } = error
    if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / 1000))
    else reply.header('www-authenticate', challenge(error, resource?.metadataUrl, resource ? scopes : []))
    request.log.info(
      { status: statusCode, address: request.ip, reason: message, cause: codeOf(cause) },
      'caller rejected',
    )
    return error
  }
}

/**
 * Limits how often clients of one address may present a wrong key or token. Only wrong ones are counted and rejected: a
 * valid key is accepted however many wrong ones come from the same address, which may be a company's or a proxy's. What
 * makes guessing hopeless is the length of the keys.
 */
function createFailureLimit({ config, metrics, createLimiter }: FastifyInstance) {
  const points = config.auth.failedLoginsPerMinute
  const limiter = createLimiter({ namespace: 'logins', points, windowMs: MINUTE_MS })
  const rejected = metrics.rejections.labels('logins')

  return async ({ ip }: FastifyRequest, { reason }: AccessError): Promise<AccessError | undefined> => {
    if (points === 0 || reason !== 'invalid_token') return undefined
    const { isExceeded, resetMs } = await limiter.consume(rateLimitPrefix(ip))
    if (!isExceeded) return undefined
    rejected.inc()
    const sentence = `Too many invalid keys or tokens from this address; retry in ${Math.ceil(resetMs / 1000)} s.`
    return new AccessError(429, sentence, { retryAfterMs: resetMs })
  }
}

function openKeys(fastify: FastifyInstance): { keys: KeySource['keys'] } | undefined {
  const { config, log } = fastify
  const { apiKeys: keys, apiKeysFile: path } = config.auth
  if (keys === undefined) return undefined
  for (const { name, length } of keys) {
    if (length < WEAK_KEY_LENGTH) log.warn({ name }, `api key is shorter than ${WEAK_KEY_LENGTH} characters`)
  }
  if (path === undefined) return { keys }
  const source = followKeyFile({ path, keys, log })
  fastify.addHook('onClose', async () => source.close())
  return source
}

/** The token libraries are loaded only with OAuth. */
async function openTokens(fastify: FastifyInstance) {
  const { config, log } = fastify
  const { oauth } = config.auth
  if (oauth === undefined) return undefined
  const { issuer, jwksUrl, audiences, requiredScopes } = oauth
  const [{ createKeyFetcher }, { createKeySet }, { createTokenVerifier }] = await Promise.all([
    import('../services/auth/oidc-discovery.ts'),
    import('../services/auth/jwks.ts'),
    import('../services/auth/tokens.ts'),
  ])
  const { connectTimeoutMs, proxy } = config.outbound
  const client = createHttpClient({
    connectTimeoutMs,
    proxy: { https: proxy.https?.reveal(), none: proxy.none.join() },
  })
  fastify.addHook('onClose', client.close)
  return createTokenVerifier({
    issuer,
    audiences,
    requiredScopes,
    findKey: createKeySet({
      issuer,
      fetchKeys: createKeyFetcher({ issuer, jwksUrl, client }),
      log,
    }),
  })
}

function warnOfRisks({ config, log }: FastifyInstance, { isOpen }: Authenticator): void {
  if (!isOpen || config.server.isLocal) return
  log.warn(
    { MCP_SERVER_HOST: config.server.host },
    'no authentication: every client that reaches this address can generate images at your cost and write files; set MCP_API_KEYS or OAUTH_ISSUER (REQUIRE_AUTH=true makes one of them mandatory)',
  )
}

function resourceOf(request: FastifyRequest, { root, mcp }: ReturnType<typeof describeResources>): ProtectedResource {
  return request.routeOptions.url === '/mcp' ? mcp : root
}

function isForwarded({ headers }: FastifyRequest): boolean {
  return PROXY_HEADERS.some((name) => headers[name] !== undefined)
}

/** Only the kind of failure: jose's errors carry the claims of the token, which may hold names and addresses. */
function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

export default fp(auth, {
  name: 'auth',
  dependencies: ['config', 'logger', 'metrics', 'trusted-proxies', 'rate-limit'],
})
