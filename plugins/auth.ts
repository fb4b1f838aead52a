import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { AccessError } from '../services/auth/access-error.ts'
import { followKeyFile, type KeySource } from '../services/auth/api-key-file.ts'
import { isSameSecret } from '../services/auth/api-keys.ts'
import { type Authenticator, type Caller, createAuthenticator, readBearer } from '../services/auth/authenticator.ts'
import { challenge, describeResources, type ProtectedResource } from '../services/auth/resource-metadata.ts'
import { createConnections } from '../services/azure/transport.ts'
import { createLoginLimit } from '../services/limits/login-limit.ts'
import { isPrivateAddress } from '../services/net/private-address.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook of routes that spend money: sets `request.caller`. @throws AccessError */
    authenticate(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Hook of `/metrics`. @throws AccessError */
    authenticateScrape(request: FastifyRequest, reply: FastifyReply): Promise<void>
    /** What OAuth clients may look up; undefined without OAuth. */
    protectedResources: ReturnType<typeof describeResources> | undefined
  }
  interface FastifyRequest {
    /** Who calls; null where nobody asked. */
    caller: Caller | null
  }
}

/** Keys shorter than this can be found by trying. */
const WEAK_KEY_LENGTH = 16

const WRONG = { reason: 'invalid_token' } as const

/** By any of them a proxy gives itself away. */
const PROXY_HEADERS = [
  'x-forwarded-for',
  'forwarded',
  'x-real-ip',
  'x-forwarded-host',
  'x-forwarded-proto',
  'via',
] as const

/** Who may call. */
async function auth(fastify: FastifyInstance): Promise<void> {
  const { config, metrics } = fastify
  const { metricsToken } = config.auth
  const oauth = config.auth.oauth && describeResources(config.auth.oauth.publicUrl)
  const scopes = config.auth.oauth?.requiredScopes ?? []
  const authenticator = createAuthenticator({ keys: openKeys(fastify), verifyToken: await openTokens(fastify) })
  const logins = createLoginLimit({ perMinute: config.auth.failedLoginsPerMinute, counter: fastify.unitCounter })
  warnOfRisks(fastify, authenticator)

  fastify.decorate('protectedResources', oauth)
  fastify.decorateRequest('caller', null)

  // Without a promise where there is nothing to wait for, since every request passes here.
  fastify.decorate('authenticate', function authenticate(request, reply, done) {
    const admit = (caller: Caller) => {
      request.caller = caller
      done()
    }
    const turnAway = (error: Error) => {
      if (error instanceof AccessError) {
        reject(request, reply, error, oauth && resourceOf(request, oauth)).then(done, done)
      } else done(error)
    }
    let caller: Caller | Promise<Caller>
    try {
      caller = authenticator.identify({
        authorization: request.headers.authorization,
        apiKey: single(request.headers['x-api-key']),
        address: request.ip,
      })
    } catch (error) {
      turnAway(error instanceof Error ? error : new Error('a caller could not be identified', { cause: error }))
      return
    }
    if (caller instanceof Promise) caller.then(admit, turnAway)
    else admit(caller)
  })

  fastify.decorate('authenticateScrape', async function authenticateScrape(request, reply) {
    if (metricsToken === undefined) {
      // Without trust, a proxy's own address says nothing of who stands behind it.
      const isHidden = isForwarded(request) && !fastify.trustedProxies.has(request.socket.remoteAddress)
      if (isPrivateAddress(request.ip) && !isHidden) return
      throw new AccessError(403, 'Metrics are for private networks only, unless METRICS_TOKEN is set.')
    }
    const token = readBearer(request.headers.authorization)
    if (token !== undefined && isSameSecret(metricsToken.reveal(), token)) return
    const sentence = 'Metrics need "Authorization: Bearer" with METRICS_TOKEN.'
    throw await reject(request, reply, new AccessError(401, sentence, token === undefined ? {} : WRONG))
  })

  /** Gives the rejection its headers, or makes it another one if there were too many. */
  async function reject(
    request: FastifyRequest,
    reply: FastifyReply,
    failure: AccessError,
    resource?: ProtectedResource,
  ): Promise<AccessError> {
    const error = (await tooManyFailures(request, failure)) ?? failure
    const { statusCode, retryAfterMs, message, cause } = error
    if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / 1000))
    else reply.header('www-authenticate', challenge(error, resource?.metadataUrl, resource ? scopes : []))
    request.log.info(
      { status: statusCode, address: request.ip, reason: message, cause: codeOf(cause) },
      'caller rejected',
    )
    return error
  }

  /** Whoever presents nothing, or something good that grants too little, has not tried to guess. */
  async function tooManyFailures({ ip }: FastifyRequest, { reason }: AccessError): Promise<AccessError | undefined> {
    const retryAfterMs = reason === 'invalid_token' ? await logins.countFailure(ip) : undefined
    if (retryAfterMs === undefined) return undefined
    metrics.rejections.inc({ reason: 'logins' })
    const wait = `Try again in ${Math.ceil(retryAfterMs / 1000)} s.`
    return new AccessError(429, `Too many wrong keys or tokens came from this address. ${wait}`, { retryAfterMs })
  }
}

function openKeys(fastify: FastifyInstance): { keys: KeySource['keys'] } | undefined {
  const { config, log } = fastify
  const { apiKeys: keys, apiKeysFile: path } = config.auth
  if (keys === undefined) return undefined
  for (const { name, length } of keys) {
    if (length < WEAK_KEY_LENGTH)
      log.warn({ name }, `a key is shorter than ${WEAK_KEY_LENGTH} characters and could be guessed`)
  }
  if (path === undefined) return { keys }
  const source = followKeyFile({ path, keys, log })
  fastify.addHook('onClose', async () => source.close())
  return source
}

/** What checks tokens is loaded only where there are any. */
async function openTokens(fastify: FastifyInstance) {
  const { config, log } = fastify
  const { oauth } = config.auth
  if (oauth === undefined) return undefined
  const { issuer, jwksUrl, audiences, requiredScopes } = oauth
  const [{ createIssuer }, { createKeySet }, { createTokenVerifier }] = await Promise.all([
    import('../services/auth/oidc-discovery.ts'),
    import('../services/auth/jwks.ts'),
    import('../services/auth/tokens.ts'),
  ])
  const { proxy } = config.outbound
  const connections = createConnections({
    connectTimeoutMs: config.outbound.connectTimeoutMs,
    proxy: { https: proxy.https?.reveal(), none: proxy.none.join() },
  })
  fastify.addHook('onClose', connections.close)
  return createTokenVerifier({
    issuer,
    audiences,
    requiredScopes,
    findKey: createKeySet({ fetchKeys: createIssuer({ issuer, jwksUrl, connections }), log }),
  })
}

function warnOfRisks({ config, log }: FastifyInstance, { isOpen }: Authenticator): void {
  if (!isOpen || config.server.isLocal) return
  log.warn(
    { MCP_SERVER_HOST: config.server.host },
    'anybody who reaches this address can make images at your cost and write files: set MCP_API_KEYS or OAUTH_ISSUER; REQUIRE_AUTH=true rejects to start without',
  )
}

function resourceOf(request: FastifyRequest, { root, mcp }: ReturnType<typeof describeResources>): ProtectedResource {
  return request.routeOptions.url === '/mcp' ? mcp : root
}

function isForwarded({ headers }: FastifyRequest): boolean {
  return PROXY_HEADERS.some((name) => headers[name] !== undefined)
}

/** Only which kind of failure it was: jose's errors carry the claims of the token, names and addresses among them. */
function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

export default fp(auth, {
  name: 'auth',
  dependencies: ['config', 'logger', 'metrics', 'trusted-proxies', 'counters'],
})
