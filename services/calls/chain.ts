import { join } from 'node:path'
import type { RequestId } from '../../schemas/json-rpc.ts'
import type { Caller } from '../auth/authenticator.ts'
import { Base64Image } from '../bytes/base64-image.ts'
import type { CallLimits } from '../limits/call-limits.ts'
import type { Logger } from '../logging/logger.ts'
import { type AbandonedEvent, type AbandonedResultsOptions, createAbandonedResults } from './abandoned-results.ts'
import {
  type CallRejection,
  countGenerated,
  countInFlight,
  limitConcurrency,
  limitUsage,
  sentenceFor,
} from './admission-control.ts'
import { checkArguments } from './check-arguments.ts'
import { completeArguments } from './complete-arguments.ts'
import type { DeliveryProof } from './delivery.ts'
import { dryRun, type LimitCheck } from './dry-run.ts'
import { createIdempotentCalls } from './idempotent-calls.ts'
import { createInFlight, type InFlight } from './in-flight.ts'
import type { Job } from './jobs/job.ts'
import type { Jobs } from './jobs/jobs.ts'
import type { Ledger } from './ledger/ledger.ts'
import { type CallObserver, measure } from './measure.ts'
import type { Once } from './once.ts'
import { createPaidCalls, type PaidCall } from './paid-calls.ts'
import { askWithinBudget } from './policy/ask-within-budget.ts'
import type { PolicySteps } from './policy/policy-steps.ts'
import { resolveReferences } from './resolve-references.ts'
import { traceCall, traceTurn } from './trace-call.ts'
import type { Around, Call, RunCall, ToolResult } from './types.ts'

export interface CallsObserver extends CallObserver {
  callRejected(reason: CallRejection): void
  resultAbandoned(event: AbandonedEvent): void
  responseDelivered(proof: DeliveryProof | 'none'): void
}

export interface CallsOptions {
  /** Stored results are in two of its subfolders. */
  folder: string
  /** Calls at a time in this process. */
  maxCalls: number
  limits: CallLimits
  /** Milliseconds that an abandoned result is stored; 0: none is stored. */
  abandonedTtlMs: number
  /** Bounds on stored results, of each kind. */
  maxEntries: number
  maxBytes: number
  /** Undefined: there are no jobs. */
  jobs: Pick<Jobs, 'around'> | undefined
  /** Undefined: there are no rules. */
  policy: PolicySteps | undefined
  /** Undefined: there is no state database. */
  once: Once | undefined
  /** What other replicas share of calls that were abandoned; undefined: nothing. */
  replicas: Pick<AbandonedResultsOptions, 'runningCalls' | 'shared'> | undefined
  ledger: Pick<Ledger, 'around' | 'check'>
  log: Logger
  observer: CallsObserver
}

export interface Calls {
  run: RunCall
  /** The turn of a job, which passed the other steps when it was submitted. */
  runTurn: RunCall
  /** Returns the images of a job that failed free of charge, or was cancelled in time, to the daily quota. */
  refundJob(job: Pick<Job, 'call' | 'createdAt'>): Promise<void>
  /** Calls that run, those of disconnected clients included. */
  readonly inFlight: InFlight
  /** Those of them that are paid for. */
  paidCalls(): readonly PaidCall[]
  /** Results that wait for an identical call, those of running calls included. */
  readonly waiting: number
  /** A client reports that it no longer waits for its request of this id. Stops nothing. */
  suspect(caller: Caller, requestId: RequestId): void
  /** Takes over what an earlier process stored. */
  load(): Promise<void>
  close(): Promise<void>
}

/** The steps around every call, in this order. Repetitions of a paid call cost no quota, so limits come after them. */
export function createCalls(options: CallsOptions): Calls {
  const {
    folder,
    maxCalls,
    limits,
    abandonedTtlMs,
    maxEntries,
    maxBytes,
    jobs,
    policy,
    once,
    replicas,
    ledger,
    log,
    observer,
  } = options
  const inFlight = createInFlight()
  const paidCalls = createPaidCalls()
  const bounds = { maxEntries, maxBytes, log }
  const idempotent = createIdempotentCalls({ ...bounds, once, folder: join(folder, '.idempotent') })
  const abandoned = createAbandonedResults({
    ...bounds,
    folder: join(folder, '.abandoned'),
    ttlMs: abandonedTtlMs,
    ...replicas,
    onEvent: observer.resultAbandoned,
    onDelivered: observer.responseDelivered,
  })
  const concurrency = limitConcurrency(inFlight, maxCalls, observer.callRejected)
  return {
    run: createChain([
      traceCall,
      measure(observer),
      checkArguments,
      dryRun({ policy, limits: [dailyLimit(limits), async (call) => (await ledger.check(call))?.message] }),
      idempotent.around,
      ...(abandonedTtlMs > 0 ? [abandoned.around] : []),
      completeArguments,
      resolveReferences,
      limitUsage(limits, observer.callRejected),
      ...(policy === undefined ? [] : [askWithinBudget(ledger), policy.around]),
      ...(jobs === undefined ? [] : [jobs.around]),
      concurrency,
      countGenerated(limits),
      ledger.around,
      paidCalls.around,
    ]),
    runTurn: createChain([
      traceTurn,
      traceCall,
      countInFlight(inFlight),
      ...(policy === undefined ? [] : [policy.aroundTurn]),
      countGenerated(limits),
      ledger.around,
      paidCalls.around,
    ]),
    refundJob: ({ call: { caller, cost }, createdAt }) => limits.refund(caller.rateLimitKey, cost, createdAt),
    inFlight,
    paidCalls: paidCalls.running,
    get waiting() {
      return abandoned.waiting
    },
    suspect: abandoned.suspect,
    async load() {
      await Promise.all([abandoned.load(), idempotent.load()])
    },
    async close() {
      await Promise.all([abandoned.close(), idempotent.close()])
    },
  }
}

/** What the daily quota of images would say to a call. */
function dailyLimit(limits: CallLimits): LimitCheck {
  return async ({ context, cost }) => {
    const reached = await limits.wouldExceed(context.caller.rateLimitKey, cost)
    return reached && sentenceFor(reached)
  }
}

/** The steps from the first to the last, then the tool itself. */
export function createChain(steps: readonly Around[]): RunCall {
  return steps.reduceRight<RunCall>((next, step) => (call) => step(call, (changed = call) => next(changed)), callTool)
}

async function callTool({ tool: { tool }, args, context }: Call): Promise<ToolResult> {
  const result = await tool.call(args, context)
  // Results that are stored share the images; the response has them until the scope is closed.
  for (const block of result.content) {
    if (block.type === 'image' && block.data instanceof Base64Image) context.scope.use(block.data)
  }
  return result
}
