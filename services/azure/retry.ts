import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../errors/app-error.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { reasonOf } from '../errors/reason.ts'
import { inSpan, noTrace } from '../telemetry/trace.ts'
import { queuedLine, stepLine } from './client-lines.ts'
import type { Deployment } from './deployment.ts'
import type { Dialect } from './dialects/dialect.ts'
import {
  countFailure,
  type Failure,
  type FailureCounts,
  isAzureCode,
  nextStep,
  quotaDelayMs,
  retryRule,
} from './retry-policy.ts'
import type { CallContext } from './types.ts'
import type { Ticket } from './waiting-calls.ts'
import { withinCall } from './within-call.ts'

/** Sends one request to a deployment by a route, and reads the response. */
export type Send<T> = (deployment: Deployment, route: Dialect) => Promise<T>

/** A call has waited for its turn at a deployment, successfully or not. */
export type OnWaited = (deployment: Deployment, waitedMs: number) => void

/** A request that failed, with the credential headers that it carried. */
export class SendError extends AppError {
  override name = 'SendError'
  readonly failure: ServiceError
  readonly credentialHeaders: Readonly<Record<string, string>>

  constructor(failure: ServiceError, credentialHeaders: Readonly<Record<string, string>>) {
    super(failure.message, { cause: failure })
    this.failure = failure
    this.credentialHeaders = credentialHeaders
  }
}

/** Routes that a call must not take, by deployment. */
export type UnusableRoutes = Map<Deployment, Set<Dialect>>

/** One call's way through deployments and routes. */
interface Progress {
  counts: FailureCounts
  /** How the last request ended; `undefined` before the first. */
  lastFailure: ServiceError | undefined
  /** Milliseconds that the call may still wait for turns. */
  queueMs: number
  isCredentialRefreshed: boolean
  /** Deployments that may still serve this call, in order of preference. */
  candidates: readonly Deployment[]
  /** Routes that this call cannot use, or has found wrong. */
  wrongRoutes: UnusableRoutes
  tickets: Map<Deployment, Ticket>
}

/**
 * Sends until a request succeeds or `nextStep` gives up.
 *
 * @param candidates the requested deployment, the others of its pool, then its fallbacks
 * @param wrongRoutes routes that cannot send what the call requests
 * @param maxQueueMs milliseconds that the call may wait for its turns, all together
 * @throws ServiceError
 */
export async function runCall<T>(
  candidates: readonly [Deployment, ...Deployment[]],
  wrongRoutes: UnusableRoutes,
  send: Send<T>,
  context: CallContext,
  maxQueueMs = Number.POSITIVE_INFINITY,
  onWaited: OnWaited = () => {},
): Promise<T> {
  const progress: Progress = {
    counts: { tries: 0, rejections: 0 },
    lastFailure: undefined,
    queueMs: maxQueueMs,
    isCredentialRefreshed: false,
    candidates,
    wrongRoutes,
    tickets: new Map(),
  }
  for (;;) {
    const deployment = chooseDeployment(progress.candidates, callerOf(context)) ?? candidates[0]
    let route = chooseRoute(deployment, progress)
    try {
      await waitForTurn(deployment, progress, context, onWaited)
      // Another call, or another replica, may have proven one meanwhile.
      route = chooseRoute(deployment, progress)
      const result = await send(deployment, route)
      if (deployment.prove(route)) {
        context.log.info({ deployment: deployment.deployment.name, route: route.name }, 'azure route proven')
      }
      return result
    } catch (error) {
      await handleFailure(error, deployment, route, progress, context)
    }
  }
}

/**
 * The first that is open now, or one of its pool that a call can start at sooner; if none is open, the one that opens soonest.
 */
function chooseDeployment(deployments: readonly Deployment[], caller: string): Deployment | undefined {
  const opensInMs = ({ limiter, breaker }: Deployment) =>
    breaker.isOpen ? Number.MAX_SAFE_INTEGER : limiter.estimateMs(caller)
  const soonest = (some: readonly Deployment[]) => some.toSorted((a, b) => opensInMs(a) - opensInMs(b))[0]
  const open = deployments.filter(({ limiter, breaker }) => limiter.pausedMs() === 0 && !breaker.isOpen)
  const [first] = open
  return first === undefined ? soonest(deployments) : soonest(open.filter((other) => isOfPool(other, first)))
}

const callerOf = ({ caller }: CallContext) => caller?.rateLimitKey ?? ''

/** Whether it is the other one, or serves the same calls. */
export function isOfPool(one: Deployment, other: Deployment): boolean {
  return one === other || (one.options.pool !== undefined && one.options.pool === other.options.pool)
}

function chooseRoute(deployment: Deployment, progress: Progress): Dialect {
  const route = untriedRoute(deployment, progress) ?? deployment.routes()[0]
  if (route === undefined) throw new Error('a deployment has no route')
  return route
}

function untriedRoute(deployment: Deployment, { wrongRoutes }: Progress): Dialect | undefined {
  const wrong = wrongRoutes.get(deployment)
  return deployment.routes().find((candidate) => wrong?.has(candidate) !== true)
}

/** Exactly one `release` of the limiter must follow. @throws ServiceError */
async function waitForTurn(
  deployment: Deployment,
  progress: Progress,
  context: CallContext,
  onWaited: OnWaited,
): Promise<void> {
  deployment.breaker.rejectIfOpen()
  const startedAt = performance.now()
  const ticket = progress.tickets.get(deployment) ?? {
    signal: context.signal,
    deadlineAt: context.deadlineAt,
    waitUntil: context.deadlineAt,
    onQueued(remainingMs: () => number) {
      context.progress?.('queued', remainingMs)
      context.tell?.(queuedLine(deployment.deployment.name, remainingMs()))
    },
    caller: callerOf(context),
  }
  progress.tickets.set(deployment, ticket)
  ticket.waitUntil = Math.min(context.deadlineAt, startedAt + progress.queueMs)
  const turn = deployment.limiter.acquire(ticket)
  if (turn instanceof Promise) {
    const facts = { 'image_mcp.deployment': deployment.deployment.name }
    await inSpan(context.trace ?? noTrace, 'wait for turn', { facts }, () => turn).finally(() => {
      const waitedMs = performance.now() - startedAt
      progress.queueMs -= waitedMs
      onWaited(deployment, waitedMs)
    })
  }
  try {
    // The account may have been blocked while the call waited.
    const checked = deployment.breaker.check()
    if (checked instanceof Promise) await checked
  } catch (error) {
    deployment.limiter.release(undefined, false)
    throw error
  }
}

/** Prepares the next attempt. @throws ServiceError the failure, if there is none */
async function handleFailure(
  error: unknown,
  deployment: Deployment,
  route: Dialect,
  progress: Progress,
  context: CallContext,
): Promise<void> {
  const serviceFailure = error instanceof SendError ? error.failure : error
  if (!(serviceFailure instanceof ServiceError) || !isAzureCode(serviceFailure.code)) throw serviceFailure
  const failure: Failure = { code: serviceFailure.code, retryAfterMs: serviceFailure.retryAfterMs }
  const { host, deployment: info, status } = deployment
  const facts = { deployment: info.name, host, route: route.name, reason: reasonOf(serviceFailure) }
  status.failed(failure.code)
  recordFailure(failure, deployment, route, progress)
  const final = finalFailure(serviceFailure, progress)
  if (!isUnsent(serviceFailure)) progress.lastFailure = serviceFailure
  const others = progress.candidates.filter((other) => other !== deployment)
  const remainingMs = context.deadlineAt - performance.now()
  const step = nextStep(failure, progress.counts, {
    hasOtherRoute: untriedRoute(deployment, progress) !== undefined,
    hasOtherDeployment: others.length > 0,
    canRefreshCredential: error instanceof SendError && !progress.isCredentialRefreshed,
    pausedMs: deployment.limiter.pausedMs(),
    remainingMs,
    queueMs: Math.min(remainingMs, progress.queueMs),
  })
  // The failure of the call itself is logged once, by what called it.
  const logStep = () => {
    const { code, detail } = serviceFailure
    context.log.info({ ...facts, code, ...detail, next: step.type }, 'azure request failed, the call goes on')
    const line = stepLine(info.name, code, step, deployment.limiter.pausedMs())
    if (line !== undefined) context.tell?.(line)
  }
  switch (step.type) {
    case 'rejectRoute':
    case 'waitForQuota':
      return logStep()
    case 'failOver':
      if (step.dropsDeployment) progress.candidates = others
      return logStep()
    case 'refreshCredential':
      progress.isCredentialRefreshed = true
      if (error instanceof SendError && (await refreshCredential(deployment, route, error, context))) return logStep()
      throw final.withDetail(facts)
    case 'retry':
      logStep()
      return pause(step.delayMs, context)
    case 'giveUp':
      throw final.withDetail(facts)
    default:
      return step satisfies never
  }
}

const isUnsent = ({ code }: ServiceError) => code === 'IMG_ERR_AZURE_NOT_SENT' || code === 'IMG_ERR_AZURE_BUSY'

/**
 * What the client is told. A call that found no further turn in time was sent before, so its last request says why it
 * failed; and a rejected one how often.
 */
function finalFailure(failure: ServiceError, { lastFailure, counts }: Progress): ServiceError {
  const reason = isUnsent(failure) ? (lastFailure ?? failure) : failure
  const { code, detail } = reason
  if (code !== 'IMG_ERR_AZURE_RATE_LIMIT' && code !== 'IMG_ERR_AZURE_CAPACITY') return reason
  const retryAfterMs = failure.retryAfterMs ?? reason.retryAfterMs
  const waitSeconds = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000)
  const options = { cause: reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(detail && { detail }) }
  return serviceError(code, [waitSeconds, counts.rejections], options)
}

/** Records what later attempts and other calls need to know about a failure, whatever the next step is. */
function recordFailure(failure: Failure, deployment: Deployment, route: Dialect, progress: Progress): void {
  progress.counts = countFailure(failure, progress.counts)
  const { action } = retryRule(failure.code)
  if (action === 'tryOtherRoute') {
    progress.wrongRoutes.set(deployment, (progress.wrongRoutes.get(deployment) ?? new Set()).add(route))
  }
  if (action === 'waitForQuota') {
    deployment.limiter.pause(quotaDelayMs(progress.counts.rejections, failure.retryAfterMs))
  }
}

/** Whether there is another credential than the rejected one. */
function refreshCredential(
  { options }: Deployment,
  route: Dialect,
  { credentialHeaders }: SendError,
  context: CallContext,
): Promise<boolean> {
  const scope = options.scope ?? route.scope
  return withinCall(options.credential.refreshCredential(scope, credentialHeaders), context)
}

/** Nothing has been sent, so a client that disconnects ends the call without cost. */
async function pause(delayMs: number, { signal }: CallContext): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal })
  } catch {
    throw serviceError('IMG_ERR_CANCELLED', [])
  }
}
