import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import multipart from '@fastify/multipart'
import fastify, {
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerFactory,
  type FastifyServerOptions,
} from 'fastify'
import { type Credential, checkAccess, type EntraOptions } from './access.ts'
import { AzureError, noDeployment, notFound, ownFailure } from './azure-error.ts'
import { createDeployments, type DeploymentOptions } from './deployments.ts'
import { type Route, routes } from './dialects.ts'
import { createFaults, type Fault, type FaultDetails, type Faults } from './fault.ts'
import { type Dialect, models } from './models.ts'
import { payloadError } from './payload.ts'
import { beginRecord, type SeenRequest } from './record.ts'
import { everyResponse } from './response.ts'
import { cutConnection, type Limits, type Stage, serve } from './serve.ts'

export interface SimulatorOptions {
  /** Accepted as `api-key` and, except by MAI, as bearer; default `['simulated-key']`. May be changed at run time. */
  apiKeys?: readonly string[]
  /** Deployment name → model or options. Default: every known model under its own name. */
  deployments?: Readonly<Record<string, string | DeploymentOptions>>
  /** Minimum time to generate an image in milliseconds; default 0. */
  latencyMs?: number
  /** Deployment name → fault of each of its calls. */
  faults?: Readonly<Record<string, Fault>>
  /** Applies `fault:<name>` in prompts; default true. */
  promptFaults?: boolean
  /** Requests per minute of deployments without their own; default 6000. */
  rpm?: number
  /** Length of the rate limits' minute in milliseconds; default 60,000. */
  minuteMs?: number
  /** Idle time-outs of the gateway for gpt-image; default 122,000 ms, and 60,000 ms for a stream without partial images. */
  limits?: Partial<Limits>
  /** Serves HTTPS with this certificate. The URL that `listen` returns still begins with http. */
  tls?: { key: string; cert: string }
  /** Entra tokens; `false` rejects them. Default: both of Azure's audiences are accepted. */
  entra?: EntraOptions | false
  /** Records the images of requests themselves, not only their properties; default false, because they are large. */
  keepFiles?: boolean
  /** Fastify's option of that name; default off. */
  logger?: FastifyServerOptions['logger']
}

export type Simulator = FastifyInstance & {
  readonly faults: Faults
  /** The newest 10,000 requests, oldest first. Clear with `requests.length = 0`. */
  readonly requests: SeenRequest[]
  /** Accepts requests, and generates no image until the returned function is called. */
  hold(): () => void
}

const defaultKeys: readonly string[] = ['simulated-key']
const fileLimit = 50 * 1024 * 1024
const bodyLimit = 512 * 1024 * 1024

/** Azure's image routes, played strictly. `await simulator.listen({ port: 0 })` starts it and returns its URL. */
export function createSimulator(options: SimulatorOptions = {}): Simulator {
  const app = fastify({
    logger: options.logger ?? false,
    bodyLimit,
    forceCloseConnections: true,
    serverFactory: serverFactory(options.tls),
  })
  const stopping = new AbortController()
  app.addHook('preClose', async () => stopping.abort())
  const deployments = createDeployments(options.deployments, options)
  const standing = deployments.all.flatMap(({ name, fault }) => (fault === undefined ? [] : [[name, fault] as const]))
  const faults = createFaults({ ...Object.fromEntries(standing), ...options.faults })
  const stage: Stage = {
    deployments,
    faults,
    promptFaults: options.promptFaults ?? true,
    limits: { silentCallMs: 122_000, silentStreamMs: 60_000, ...options.limits },
    images: new Map(),
    keepFiles: options.keepFiles ?? false,
    held: Promise.resolve(),
    stopping: stopping.signal,
  }
  function hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    stage.held = promise
    stopping.signal.addEventListener('abort', () => resolve())
    return resolve
  }
  const requests: SeenRequest[] = []
  const entries: Entries = new WeakMap()
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(everyResponse())
    entries.set(request.raw, beginRecord(requests, request, reply))
  })
  const enter: Enter = ({ headers }, dialect) =>
    checkAccess(headers, dialect, options.apiKeys ?? defaultKeys, options.entra ?? {})
  app.register(multipart, { limits: { fileSize: fileLimit, files: 20, fields: 50, parts: 80, fieldSize: 1024 * 1024 } })
  addRejections(app, stage, enter)
  addImages(app, stage)
  addLookups(app, stage, enter)
  for (const route of routes) addRoute(app, route, stage, entries, enter)
  return Object.assign(app, { faults, requests, hold })
}

type Entries = WeakMap<FastifyRequest['raw'], SeenRequest>
/** @throws AzureError 401 */
type Enter = (request: FastifyRequest, dialect: Dialect) => Credential

const serverFactory =
  (tls: SimulatorOptions['tls']): FastifyServerFactory =>
  (handler) =>
    tls === undefined ? createHttpServer(handler) : createHttpsServer(tls, handler)

function addRejections(app: FastifyInstance, { stopping }: Stage, enter: Enter): void {
  app.setErrorHandler(async (error: Error, request, reply) => {
    if (stopping.aborted) return cutConnection(reply)
    const rejection = error instanceof AzureError ? error : payloadError(error)
    if (rejection === undefined) request.log.error(error)
    const { status, headers, body } = rejection ?? ownFailure()
    return reply.code(status).headers(headers).send(body)
  })
  app.setNotFoundHandler(async (request) => {
    enter(request, 'deployments')
    throw notFound()
  })
  // Each route rejects other types with its own error.
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
}

/** The documented GET requests: models of the resource, and one deployment. */
function addLookups(app: FastifyInstance, { deployments }: Stage, enter: Enter): void {
  const versionOf = ({ url }: FastifyRequest) => new URL(url, 'http://azure').searchParams.get('api-version')
  const list = () => ({ object: 'list', data: models.map(({ id }) => ({ id, object: 'model', status: 'succeeded' })) })
  app.get('/openai/models', async (request) => {
    enter(request, 'deployments')
    if (versionOf(request) !== '2024-10-21') throw notFound()
    return list()
  })
  app.get('/openai/v1/models', async (request) => {
    enter(request, 'v1')
    return list()
  })
  app.get<{ Params: { name: string } }>('/openai/deployments/:name', async (request) => {
    enter(request, 'deployments')
    if (versionOf(request) !== '2022-12-01') throw notFound()
    const deployment = deployments.find(request.params.name)
    if (deployment === undefined) throw noDeployment()
    return { object: 'deployment', id: deployment.name, model: deployment.model.id, status: 'succeeded' }
  })
}

/** Serves the images of `url` responses; without a key, like Azure's blob storage. */
function addImages(app: FastifyInstance, { images }: Stage): void {
  app.get<{ Params: { id: string } }>('/images/:id', async ({ params }, reply) => {
    const image = images.get(params.id)
    if (image === undefined) throw notFound()
    return reply.type(params.id.endsWith('.png') ? 'image/png' : 'image/jpeg').send(image)
  })
}

function addRoute(app: FastifyInstance, route: Route, stage: Stage, entries: Entries, enter: Enter): void {
  const faults = new WeakMap<FastifyRequest['raw'], FaultDetails | 'none'>()
  const entryOf = ({ raw }: Pick<FastifyRequest, 'raw'>): SeenRequest => {
    const entry = entries.get(raw)
    if (entry === undefined) throw ownFailure()
    return entry
  }
  app.post<{ Params: Record<string, string> }>(route.url, {
    // Azure looks at key, path and version before it looks at the body.
    onRequest: async (request, reply) => {
      const entry = entryOf(request)
      entry.dialect = route.dialect
      entry.credential = enter(request, route.dialect)
      const name = request.params.deployment
      const deployment = name === undefined ? undefined : stage.deployments.find(name)
      if (name !== undefined && deployment === undefined) throw noDeployment()
      const version = new URL(request.url, 'http://azure').searchParams.get('api-version')
      route.checkPath(version, request.params, deployment?.model)
      const fault = stage.faults.take(deployment?.name)
      if (fault === undefined) return
      faults.set(request.raw, fault)
      if (fault === 'none' || fault.name !== 'reset-early') return
      entry.fault = fault.name
      cutConnection(reply)
    },
    handler: async (request, reply) =>
      serve(stage, { route, request, reply, entry: entryOf(request), fault: faults.get(request.raw) }),
  })
}
