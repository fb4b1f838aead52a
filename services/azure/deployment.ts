import type { DialectName, Model } from '../../schemas/models.ts'
import { type CircuitBreaker, createCircuitBreaker } from './circuit-breaker.ts'
import type { Credential } from './credential.ts'
import type { Dialect, Target } from './dialects/dialect.ts'
import { onRoute, routesOf } from './dialects/index.ts'
import type { Recognition } from './models/name-resolution.ts'
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts'
import type { DeploymentInfo, EditRequest, ImageRequest } from './types.ts'

/** One deployment as an operator describes it. */
export interface DeploymentOptions {
  /** How callers name it. */
  name: string
  /** May carry a path and a trailing slash. */
  baseUrl: string
  /** Its name at Azure. */
  deployment: string
  model: Model
  /** How the model was found; by its id by default. */
  recognition?: Recognition | undefined
  credential: Credential
  dialect: DialectName | 'auto'
  /** What the operator set for the deployment route; absent: Azure's documented one, and FLUX.1 takes the provider route first. */
  apiVersion?: string | undefined
  /** Overrides the API version of every route. */
  anyApiVersion?: string | undefined
  /** Audience of tokens, if not the route's own. */
  scope?: string | undefined
  requestsPerMinute?: number | undefined
  /** Names of deployments that may take over, the first first. */
  fallbacks: readonly string[]
  maxWaiting: number
  minuteMs?: number | undefined
  /** Milliseconds for which an account block keeps calls away. */
  blockMs: number
}

/** A configured deployment with what is known of it at run time. */
export interface Deployment {
  readonly deployment: DeploymentInfo
  readonly options: DeploymentOptions
  readonly limiter: RateLimiter
  readonly breaker: CircuitBreaker
  /** The route that has proven itself, else the routes in the order in which they are tried. */
  routes(): readonly Dialect[]
  /** A request succeeded there. Whether this is news. */
  prove(route: Dialect): boolean
  /** What a dialect needs to address a request. */
  target(route: Dialect): Target
}

export function createDeployment(options: DeploymentOptions): Deployment {
  const { model, baseUrl, deployment } = options
  const candidates = routesOf(model, options.dialect, options.apiVersion)
  let proven: Dialect | undefined
  const firstRoute = candidates[0]?.name ?? 'deployments'
  return {
    deployment: {
      name: options.name,
      model: model.id,
      recognition: options.recognition ?? 'exact',
      capabilities: onRoute(model, firstRoute),
    },
    options,
    limiter: createRateLimiter({
      maxWaiting: options.maxWaiting,
      ...(options.requestsPerMinute === undefined ? {} : { requestsPerMinute: options.requestsPerMinute }),
      ...(options.minuteMs === undefined ? {} : { minuteMs: options.minuteMs }),
    }),
    breaker: createCircuitBreaker(options.blockMs),
    routes: () => (proven === undefined ? candidates : [proven]),
    prove(route) {
      const isNews = proven === undefined && candidates.length > 1
      proven = route
      return isNews
    },
    target: (route) => ({ baseUrl, deployment, model, apiVersion: versionFor(route, options) }),
  }
}

function versionFor(route: Dialect, { anyApiVersion, model, apiVersion }: DeploymentOptions): string {
  const own = route.name === 'deployments' ? apiVersion : undefined
  return anyApiVersion ?? model.apiVersion ?? own ?? route.defaultApiVersion ?? ''
}

export function isEdit(request: ImageRequest | EditRequest): request is EditRequest {
  return 'images' in request
}
