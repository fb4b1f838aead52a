import { METHODS } from 'node:http'
import autoload from '@fastify/autoload'
import Fastify, { type FastifyHttpOptions, type FastifyInstance, LogController, type RawServerDefault } from 'fastify'
import fp from 'fastify-plugin'
import packageJson from './package.json' with { type: 'json' }
import config, { loadConfig, type ServiceConfig } from './plugins/config.ts'
import type { JobTiming } from './services/calls/jobs/job-timing.ts'
import type { LedgerTiming } from './services/calls/ledger/ledger.ts'
import type { Environment, Transport } from './services/config/environment.ts'
import { unwritableHint } from './services/config/permission-flags.ts'
import { createLogger } from './services/logging/create-logger.ts'
import { type LogDestination, type LogOutput, openLogOutput } from './services/logging/log-output.ts'
import { requestIdOf } from './services/logging/request-id.ts'
import type { Catalog } from './services/mcp/catalog.ts'
import type { Timing } from './services/mcp/timeouts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    appOptions: Readonly<AppOptions>
    appVersion: string
    /** Writes buffered log lines, before the process exits. */
    flushLogs(): void
  }
}

export interface AppOptions {
  environment: Environment
  /** How clients connect; `http` by default. */
  transport?: Transport
  /** The configuration if it has been read from the environment before. */
  config?: ServiceConfig
  /** Adds tools, prompts or resources. */
  extendCatalog?: (catalog: Catalog) => Catalog
  /** Times that a test cannot wait for. */
  timing?: Partial<Timing>
  jobTiming?: Partial<JobTiming>
  /** Runs jobs that replicas share, and serves no clients. */
  isWorker?: boolean
  ledgerTiming?: Partial<LedgerTiming>
}

export interface CreateAppOptions extends AppOptions {
  /** Where log lines go, besides `LOG_DIR`. */
  logDestination: LogDestination
  /** Whether `logDestination` is a terminal. */
  isTerminal?: boolean
  /** Adds hooks before those of the service. */
  onCreated?: (fastify: FastifyInstance) => void
}

export const { name, version } = packageJson

/** Of a response that no hook has passed. */
const BAD_URL_HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** The service as a plugin: the configuration first, then plugins in the order of their dependencies, then routes. */
export default async function imageService(fastify: FastifyInstance, options: AppOptions): Promise<void> {
  const folder = import.meta.dirname
  fastify.decorate('appOptions', options)
  fastify.decorate('appVersion', version)
  await fastify.register(config, options)
  await fastify.register(autoload, { dir: `${folder}/plugins`, ignorePattern: /^config\./ })
  await fastify.register(autoload, {
    dir: `${folder}/routes`,
    dirNameRoutePrefix: false,
    autoHooks: true,
    ignorePattern: /^shared$/,
  })
}

/**
 * The service on its own Fastify instance, not yet listening. May be called many times in one process.
 * @throws ConfigurationError
 */
export async function createApp({
  logDestination,
  isTerminal = false,
  onCreated,
  ...options
}: CreateAppOptions): Promise<FastifyInstance> {
  const config = await loadConfig(options)
  const logOutput = await openLogOutput({ ...config.logging, destination: logDestination, isTerminal })
  const fastify: FastifyInstance = Fastify(serverOptions(config, logOutput))
  fastify.decorate('flushLogs', logOutput.flush)
  fastify.addHook('onClose', logOutput.close)
  if (logOutput.fileError !== undefined) {
    fastify.log.warn(
      { err: logOutput.fileError, LOG_DIR: config.logging.folder },
      `log folder is not writable, logging to stdout only; ${unwritableHint(logOutput.fileError)}`,
    )
    void logOutput.filesOpened.then(() => {
      fastify.log.info({ LOG_DIR: config.logging.folder }, 'log folder is writable now, logging to files as well')
    })
  }
  // Every path then returns 405 for methods that it does not support. CONNECT reaches no route.
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !fastify.supportedMethods.includes(method)) fastify.addHttpMethod(method)
  }
  onCreated?.(fastify)
  await fastify.register(fp(imageService), { ...options, config })
  return fastify
}

function serverOptions({ server, logging }: ServiceConfig, logOutput: LogOutput): FastifyHttpOptions<RawServerDefault> {
  return {
    loggerInstance: createLogger(logging.level, logOutput),
    // Without options pino creates a child logger the fast way.
    childLoggerFactory: (logger, bindings) => logger.child(bindings),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: ({ headers }) => requestIdOf(headers),
    // A URL that cannot be decoded reaches no hook and no handler, and may contain anything.
    frameworkErrors: (_error, { id }, reply) => {
      const body = { statusCode: 400, message: 'The URL cannot be decoded.', requestId: id }
      reply.raw.writeHead(400, BAD_URL_HEADERS)
      reply.raw.end(JSON.stringify(body))
    },
    trustProxy: server.trustedProxies.has,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    keepAliveTimeout: server.keepAliveTimeoutMs,
    // Scanning a large images folder on a busy machine takes long.
    pluginTimeout: 120_000,
    requestTimeout: 300_000,
    http: { headersTimeout: 15_000, connectionsCheckingInterval: 5_000 },
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
  }
}
