import type { DialectName, Model, Operation } from '../../schemas/models.ts'
import { adaptRequest } from '../parameters/adapt.ts'
import { isAllowed } from '../parameters/arguments.ts'
import { type ParameterName, parameterNames } from '../parameters/table.ts'
import { type CircuitBreaker, createCircuitBreaker } from './circuit-breaker.ts'
import type { Credential } from './credential.ts'
import { createDeploymentStatus, type DeploymentStatus } from './deployment-status.ts'
import type { Dialect, Target } from './dialects/dialect.ts'
import { onFirstRoute, onRoute, routesOf } from './dialects/index.ts'
import type { Recognition } from './models/name-resolution.ts'
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts'
import type { SharedDeployment } from './shared-state.ts'
import type { DeploymentInfo, EditRequest, ImageRequest } from './types.ts'

/** One deployment as an operator describes it. */
export interface DeploymentOptions {
  /** The name that callers use. */
  name: string
  /** May have a path and a trailing slash. */
  baseUrl: string
  /** Its name in Azure. */
  deployment: string
  model: Model
  /** How the model was recognized; `exact` by default. */
  recognition?: Recognition | undefined
  credential: Credential
  dialect: DialectName | 'auto'
  /** The configured API version of the deployment route. Without it FLUX.1 uses the provider route first. */
  apiVersion?: string | undefined
  /** Overrides the API version, of every route that can have it. */
  anyApiVersion?: string | undefined
  /** Audience of tokens, instead of the route's. */
  scope?: string | undefined
  requestsPerMinute?: number | undefined
  /** Deployments of one model with the same pool serve each other's calls: the one that can start soonest. */
  pool?: string | undefined
  /** Names of deployments that may take over, in order of preference. */
  fallbacks: readonly string[]
  maxWaiting: number
  minuteMs?: number | undefined
  /** Milliseconds for which the circuit breaker is open after an account block. */
  blockMs: number
  /** Where replicas share the quota, account blocks and the proven route. */
  shared?: SharedDeployment | undefined
}

/** A configured deployment and its state. */
export interface Deployment {
  readonly deployment: DeploymentInfo
  readonly options: DeploymentOptions
  readonly limiter: RateLimiter
  readonly breaker: CircuitBreaker
  readonly status: DeploymentStatus
  /** Host and port of its address, for the log. */
  readonly host: string
  /** The proven route, else all routes in the order in which they are tried, first one that another replica has proven. */
  routes(): readonly Dialect[]
  /** Records that a request succeeded. `true` if the route was not proven before. */
  prove(route: Dialect): boolean
  /** The request as this route can serve it; while no route is proven, its size is not fitted to one yet. */
  fit<R extends ImageRequest | EditRequest>(request: R, operation: Operation, route: Dialect): R
  /** An argument that the route cannot send, so that the request must not take it: the image would ignore the argument. */
  unsendable(request: ImageRequest, operation: Operation, route: Dialect): ParameterName | undefined
  /** The address of requests by a route. */
  target(route: Dialect): Target
}

export function createDeployment(options: DeploymentOptions): Deployment {
  const { model, baseUrl, deployment, shared } = options
  const breaker = createCircuitBreaker(options.blockMs, shared)
  const candidates = routesOf(model, options.dialect, options.apiVersion ?? datedVersion(options))
  let proven: Dialect | undefined
  /** Proven by another replica. It is tried first; another one may have become right since. */
  let adopted: Dialect | undefined
  let capabilities = onFirstRoute(model, candidates)
  shared?.onState(({ route: name }) => {
    if (candidates.length === 1) return
    // A Redis that has lost its data learns it again.
    if (name === undefined) return proven === undefined ? undefined : shared.proveRoute(proven.name)
    const found = candidates.find((candidate) => candidate.name === name)
    if (proven !== undefined || found === undefined || found === adopted) return
    adopted = found
    capabilities = onRoute(model, found.name)
  })
  return {
    deployment: {
      name: options.name,
      model: model.id,
      pool: options.pool,
      recognition: options.recognition ?? 'exact',
      get capabilities() {
        return capabilities
      },
    },
    options,
    limiter: createRateLimiter({ ...options, isBlocked: () => breaker.isOpen }),
    breaker,
    status: createDeploymentStatus(),
    host: URL.canParse(baseUrl) ? new URL(baseUrl).host : '',
    routes() {
      if (proven !== undefined) return [proven]
      return adopted === undefined ? candidates : [adopted, ...candidates.filter((route) => route !== adopted)]
    },
    prove(route) {
      const isFirst = proven === undefined && candidates.length > 1
      proven = route
      if (!isFirst) return false
      capabilities = onRoute(model, route.name)
      if (route !== adopted) shared?.proveRoute(route.name)
      return true
    },
    fit(request, operation, route) {
      if (candidates.length === 1) return request
      return adaptRequest(request, operation, onRoute(model, route.name)) ?? request
    },
    unsendable(request, operation, route) {
      if (candidates.length === 1) return undefined
      const row = onRoute(model, route.name)
      return parameterNames.find((name) => !isIncidental(name, request, row) && !isAllowed(name, operation, row))
    },
    target: (route) => ({ baseUrl, deployment, model, apiVersion: versionFor(route, options, candidates) }),
  }
}

/** What a route may leave out: sizes are fitted, and the default format is what the model returns anyway. */
function isIncidental(name: ParameterName, request: ImageRequest, { formats: [format] }: Model): boolean {
  return request[name] === undefined || name === 'size' || (name === 'output_format' && request[name] === format)
}

/** The API version that a JSON file sets. */
const fileVersion = ({ anyApiVersion, model }: DeploymentOptions) => anyApiVersion ?? model.apiVersion

/** It if it has a date, as only versions of the deployment route do. */
function datedVersion(options: DeploymentOptions): string | undefined {
  const version = fileVersion(options)
  return version !== undefined && /^\d{4}-/.test(version) ? version : undefined
}

/** Of two routes, a version with a date concerns only the deployment route. */
function versionFor(route: Dialect, options: DeploymentOptions, candidates: readonly Dialect[]): string {
  const isOther = route.name !== 'deployments' && candidates.length > 1 && datedVersion(options) !== undefined
  const own = route.name === 'deployments' ? options.apiVersion : undefined
  return (isOther ? undefined : fileVersion(options)) ?? own ?? route.defaultApiVersion ?? ''
}

export function isEdit(request: ImageRequest | EditRequest): request is EditRequest {
  return 'images' in request
}
