import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../errors/app-error.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { reasonOf } from '../errors/reason.ts'
import type { Deployment } from './deployment.ts'
import type { Dialect } from './dialects/dialect.ts'
import type { Ticket } from './rate-limiter.ts'
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
 * @param candidates the requested deployment, then its fallbacks
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
    const deployment = chooseDeployment(progress.candidates) ?? candidates[0]
    const route = chooseRoute(deployment, progress)
    try {
      const result = await acquireAndSend(deployment, route, send, progress, context, onWaited)
      if (deployment.prove(route)) {
        context.log.info({ deployment: deployment.deployment.name, route: route.name }, 'azure route proven')
      }
      return result
    } catch (error) {
      await handleFailure(error, deployment, route, progress, context)
    }
  }
}

/** The first that is open now, else the one that opens soonest. */
function chooseDeployment(deployments: readonly Deployment[]): Deployment | undefined {
  const open = deployments.find(({ limiter, breaker }) => limiter.pausedMs() === 0 && !breaker.isOpen)
  return open ?? deployments.toSorted((a, b) => opensInMs(a) - opensInMs(b))[0]
}

const opensInMs = ({ limiter, breaker }: Deployment) =>
  breaker.isOpen ? Number.MAX_SAFE_INTEGER : limiter.estimateMs()

function chooseRoute(deployment: Deployment, progress: Progress): Dialect {
  const route = untriedRoute(deployment, progress) ?? deployment.routes()[0]
  if (route === undefined) throw new Error('a deployment has no route')
  return route
}

function untriedRoute(deployment: Deployment, { wrongRoutes }: Progress): Dialect | undefined {
  const wrong = wrongRoutes.get(deployment)
  return deployment.routes().find((candidate) => wrong?.has(candidate) !== true)
}

async function acquireAndSend<T>(
  deployment: Deployment,
  route: Dialect,
  send: Send<T>,
  progress: Progress,
  context: CallContext,
  onWaited: OnWaited,
): Promise<T> {
  deployment.breaker.check()
  const startedAt = performance.now()
  const ticket = progress.tickets.get(deployment) ?? {
    signal: context.signal,
    deadlineAt: context.deadlineAt,
    waitUntil: context.deadlineAt,
    onQueued: () => context.progress?.('queued'),
  }
  progress.tickets.set(deployment, ticket)
  ticket.waitUntil = Math.min(context.deadlineAt, startedAt + progress.queueMs)
  const turn = deployment.limiter.acquire(ticket)
  if (turn instanceof Promise) {
    await turn.finally(() => {
      const waitedMs = performance.now() - startedAt
      progress.queueMs -= waitedMs
      onWaited(deployment, waitedMs)
    })
  }
  return send(deployment, route)
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
