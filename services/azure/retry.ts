import { setTimeout as sleep } from 'node:timers/promises'
import { ServiceError, serviceError } from '../errors/errors.ts'
import type { Deployment } from './deployment.ts'
import type { Dialect } from './dialects/dialect.ts'
import type { Ticket } from './rate-limiter.ts'
import {
  type AttemptRule,
  type AzureErrorCode,
  attemptTable,
  maxTries,
  quotaDelayMs,
  retryDelayMs,
} from './retry-policy.ts'
import type { CallContext } from './types.ts'

/** Sends one request to a deployment by a route, and reads its response. */
export type Send<A> = (deployment: Deployment, route: Dialect) => Promise<A>

/** A send that failed, with the headers of the credential that it used. */
export class SendError extends Error {
  readonly failure: ServiceError
  readonly credentialHeaders: Readonly<Record<string, string>>

  constructor(failure: ServiceError, credentialHeaders: Readonly<Record<string, string>>) {
    super(failure.message, { cause: failure })
    this.failure = failure
    this.credentialHeaders = credentialHeaders
  }
}

interface Progress {
  tries: number
  rejections: number
  isRenewed: boolean
  /** Deployments that may still serve this call, the preferred first. */
  left: readonly Deployment[]
  /** Routes that this call has found wrong. */
  wrongRoutes: Map<Deployment, Set<Dialect>>
  tickets: Map<Deployment, Ticket>
}

/**
 * Sends until there is a response or no free way to get one: `attemptTable` decides after each failure.
 *
 * @param candidates the deployment asked for, then its fallbacks; never empty
 * @throws ServiceError
 */
export async function runCall<A>(
  candidates: readonly [Deployment, ...Deployment[]],
  send: Send<A>,
  context: CallContext,
): Promise<A> {
  const progress: Progress = {
    tries: 0,
    rejections: 0,
    isRenewed: false,
    left: candidates,
    wrongRoutes: new Map(),
    tickets: new Map(),
  }
  for (;;) {
    const deployment = chooseDeployment(progress.left) ?? candidates[0]
    const route = chooseRoute(deployment, progress)
    try {
      const response = await acquireAndSend(deployment, route, send, progress, context)
      if (deployment.prove(route)) {
        context.log.info({ deployment: deployment.deployment.name, route: route.name }, 'azure route proven')
      }
      return response
    } catch (error) {
      await handleFailure(error, deployment, route, progress, context)
    }
  }
}

/** The first that is open now, else the one that opens soonest. */
function chooseDeployment(deployments: readonly Deployment[]): Deployment | undefined {
  const open = deployments.find(({ limiter, breaker }) => limiter.pausedMs() === 0 && !breaker.isOpen)
  return open ?? [...deployments].sort((a, b) => rank(a) - rank(b))[0]
}

const rank = ({ limiter, breaker }: Deployment) => (breaker.isOpen ? Number.MAX_SAFE_INTEGER : limiter.estimateMs())

function chooseRoute(deployment: Deployment, { wrongRoutes }: Progress): Dialect {
  const wrong = wrongRoutes.get(deployment)
  const routes = deployment.routes()
  const route = routes.find((candidate) => wrong?.has(candidate) !== true) ?? routes[0]
  if (route === undefined) throw new Error('a deployment has no route')
  return route
}

async function acquireAndSend<A>(
  deployment: Deployment,
  route: Dialect,
  send: Send<A>,
  { tickets }: Progress,
  context: CallContext,
): Promise<A> {
  deployment.breaker.check()
  const ticket = tickets.get(deployment) ?? {
    signal: context.signal,
    deadlineAt: context.deadlineAt,
    onQueued: () => context.progress?.('queued'),
  }
  tickets.set(deployment, ticket)
  await deployment.limiter.enter(ticket)
  return send(deployment, route)
}

/** Prepares the next attempt, or throws what the caller is told. */
async function handleFailure(
  error: unknown,
  deployment: Deployment,
  route: Dialect,
  progress: Progress,
  context: CallContext,
): Promise<void> {
  const failure = error instanceof SendError ? error.failure : error
  if (!(failure instanceof ServiceError) || !isAzureCode(failure.code)) throw failure
  const rule = attemptTable[failure.code]
  const { name } = deployment.deployment
  context.log.warn({ deployment: name, route: route.name, code: failure.code, ...failure.detail }, 'azure call failed')
  if (rule.next === 'reroute' && rejectRoute(deployment, route, progress)) return
  if (rule.next === 'retry') progress.tries++
  if (rule.next === 'wait') pauseLimiter(failure, deployment, progress)
  if (rule.elsewhere && failOver(rule, deployment, progress)) return
  if (rule.next === 'renew' && (await refreshCredential(error, deployment, route, progress))) return
  if (rule.next === 'wait' && progress.tries < maxTries && isInTime(deployment, context)) return
  if (rule.next !== 'retry' || progress.tries >= maxTries) throw failure
  await pause(retryDelayMs(progress.tries, failure.retryAfterMs), failure, context)
}

/** Whether a deployment that was told to be quiet opens before the call must end. */
function isInTime({ limiter }: Deployment, { deadlineAt }: CallContext): boolean {
  return performance.now() + limiter.pausedMs() < deadlineAt
}

function isAzureCode(code: string): code is AzureErrorCode {
  return Object.hasOwn(attemptTable, code)
}

/** Whether another, unproven route is left to try. */
function rejectRoute(deployment: Deployment, route: Dialect, { wrongRoutes }: Progress): boolean {
  const wrong = wrongRoutes.get(deployment) ?? new Set()
  wrongRoutes.set(deployment, wrong.add(route))
  return deployment.routes().some((candidate) => !wrong.has(candidate))
}

/** A 429 that names a time does not count as a try; one that doesn't, does. */
function pauseLimiter(failure: ServiceError, deployment: Deployment, progress: Progress): void {
  progress.rejections++
  if (failure.retryAfterMs === undefined) progress.tries++
  deployment.limiter.pause(quotaDelayMs(progress.rejections, failure.retryAfterMs))
}

/** Whether another deployment can take over. One that only waits for its quota stays a candidate. */
function failOver(rule: AttemptRule, deployment: Deployment, progress: Progress): boolean {
  const others = progress.left.filter((other) => other !== deployment)
  if (others.length === 0 || progress.tries >= maxTries) return false
  if (rule.next !== 'wait') progress.left = others
  return true
}

async function refreshCredential(
  error: unknown,
  { options }: Deployment,
  route: Dialect,
  progress: Progress,
): Promise<boolean> {
  if (progress.isRenewed || !(error instanceof SendError)) return false
  progress.isRenewed = true
  return options.credential.refreshCredential(options.scope ?? route.scope, error.credentialHeaders)
}

/** Waits, unless the deadline comes first; leaving is free here. */
async function pause(delayMs: number, failure: ServiceError, context: CallContext): Promise<void> {
  if (performance.now() + delayMs >= context.deadlineAt) throw failure
  try {
    await sleep(delayMs, undefined, { signal: context.signal })
  } catch {
    throw serviceError('IMG_ERR_CANCELLED', [])
  }
}
