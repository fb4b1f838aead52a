import { randomUUID } from 'node:crypto'
import { type IncomingHttpHeaders, METHODS } from 'node:http'
import type { Writable } from 'node:stream'
import autoload from '@fastify/autoload'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import fp from 'fastify-plugin'
import pino from 'pino'
import packageJson from './package.json' with { type: 'json' }
import config from './plugins/config.ts'
import type { Environment, Transport } from './services/config/environment.ts'
import { createLogLines, type LogLines } from './services/logging/buffered-destination.ts'
import { describeError, hideAddresses, hideSecrets, withoutErrorText } from './services/logging/redaction.ts'
import type { Catalog } from './services/mcp/catalog.ts'
import type { Timing } from './services/mcp/timeouts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where log lines go; `logging` fills it once the configuration is known. */
    logLines: LogLines
    appOptions: Readonly<AppOptions>
    appVersion: string
  }
}

/** What differs between the service, its tests and a tool that only looks at the configuration. */
export interface AppOptions {
  environment: Environment
  /** Where log lines go, besides `LOG_DIR`. */
  logDestination: Writable
  /** Milliseconds that log lines may wait to be written together; 0 by default. */
  logDelayMs?: number
  /** Whether `logDestination` is a terminal in front of a person. */
  isTerminal?: boolean
  /** How callers come; `http` by default. */
  transport?: Transport
  /** Adds to what the service offers, as a test does. */
  extendCatalog?: (catalog: Catalog) => Catalog
  /** Times that a test cannot wait for. */
  timing?: Partial<Timing>
}

export const { name, version } = packageJson

/** Everything the service is made of: the configuration first, then plugins by their dependencies, then routes. */
const application = fp(async (fastify: FastifyInstance, { environment, transport }: AppOptions) => {
  const folder = import.meta.dirname
  await fastify.register(config, { environment, transport })
  await fastify.register(autoload, { dir: `${folder}/plugins`, ignorePattern: /^config\./ })
  await fastify.register(autoload, { dir: `${folder}/routes`, dirNameRoutePrefix: false, autoHooks: true })
})

/** No hook has run that could set them. */
const BAD_URL_HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** A request id of the caller is taken over if it can do no harm in a log line or a header. */
const callerRequestId = /^[\w.:-]{1,64}$/

/** Whether it is a part of the caller's credential, or has one in it. */
function showsCredential(id: string, { authorization = '', 'x-api-key': key = '' }: IncomingHttpHeaders): boolean {
  const credentials = `${authorization} ${key}`.split(' ')
  return credentials.some((each) => each.includes(id) || (each.length >= SECRET_LENGTH && id.includes(each)))
}

/** A shorter word, such as the scheme in front of a token, may stand in any id. */
const SECRET_LENGTH = 8

/**
 * Builds the application without listening; may be called many times in one process.
 * A wrong configuration rejects `ready()` with a `ConfigurationError`.
 */
export function createApp(options: AppOptions): FastifyInstance {
  const logLines = createLogLines({ delayMs: options.logDelayMs ?? 0 })
  const fastify: FastifyInstance = Fastify({
    loggerInstance: createLogger(logLines),
    // Without options pino makes a child by the short way.
    childLoggerFactory: (logger, bindings) => logger.child(bindings),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']
      const isUsable = typeof given === 'string' && callerRequestId.test(given) && !showsCredential(given, headers)
      return isUsable ? given : randomUUID()
    },
    // An address that cannot be read reaches no hook and no handler, and may hold anything.
    frameworkErrors: (_error, { id }, reply) => {
      const body = { statusCode: 400, message: 'The address of the request cannot be read.', requestId: id }
      reply.raw.writeHead(400, BAD_URL_HEADERS)
      reply.raw.end(JSON.stringify(body))
    },
    // Asked per request, so that the list may come from a configuration that is loaded later.
    trustProxy: (address) => fastify.trustedProxies.has(address),
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    keepAliveTimeout: 72_000,
    // After a crash a host is busy, and a large images folder is looked through first.
    pluginTimeout: 120_000,
    requestTimeout: 300_000,
    http: { headersTimeout: 15_000, connectionsCheckingInterval: 5_000 },
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
  })
  // So that a path tells what it serves, whatever is asked of it. CONNECT reaches no route.
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !fastify.supportedMethods.includes(method)) fastify.addHttpMethod(method)
  }
  fastify.decorate('logLines', logLines)
  fastify.decorate('appOptions', options)
  fastify.decorate('appVersion', version)
  fastify.register(application, options)
  return fastify
}

/** pino's own makes the text anew for each of the many lines of one millisecond. */
function createTimestamp(): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) text = `,"time":"${new Date(now).toISOString()}"`
    at = now
    return text
  }
}

function logWithoutErrorText(this: pino.Logger, args: Parameters<pino.LogFn>, method: pino.LogFn): void {
  method.apply(this, withoutErrorText(args))
}

function createLogger(lines: LogLines): FastifyBaseLogger {
  return pino(
    {
      base: null,
      timestamp: createTimestamp(),
      formatters: { log: hideSecrets },
      // The formatter has made errors plain by then; pino's own serializer would show all of one that comes another way.
      serializers: { err: (error: unknown) => (error instanceof Error ? describeError(error) : error) },
      hooks: { logMethod: logWithoutErrorText },
    },
    { write: (line: string) => lines.write(hideAddresses(line)) },
  )
}
