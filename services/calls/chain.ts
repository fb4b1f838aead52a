import { join } from 'node:path'
import type { RequestId } from '../../schemas/json-rpc.ts'
import type { Caller } from '../auth/authenticator.ts'
import { Base64Image } from '../bytes/base64-image.ts'
import type { CallLimits } from '../limits/call-limits.ts'
import type { Logger } from '../logging/logger.ts'
import { type AbandonedEvent, createAbandonedResults } from './abandoned-results.ts'
import { type CallRejection, limitConcurrency, limitUsage } from './admission-control.ts'
import { checkArguments } from './check-arguments.ts'
import type { DeliveryProof } from './delivery.ts'
import { createIdempotentCalls } from './idempotent-calls.ts'
import { createInFlight, type InFlight } from './in-flight.ts'
import { type CallObserver, measure } from './measure.ts'
import { createPaidCalls, type PaidCall } from './paid-calls.ts'
import type { Around, Call, ToolResult } from './types.ts'

/**
 * Makes one call of a tool, on any transport.
 * @throws Rejection where a limit is reached, ServiceError for what is wrong with the call or failed
 */
export type RunCall = (call: Call) => Promise<ToolResult>

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
  log: Logger
  observer: CallsObserver
}

export interface Calls {
  run: RunCall
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
  const { folder, maxCalls, limits, abandonedTtlMs, maxEntries, maxBytes, log, observer } = options
  const inFlight = createInFlight()
  const paidCalls = createPaidCalls()
  const bounds = { maxEntries, maxBytes, log }
  const idempotent = createIdempotentCalls({ ...bounds, folder: join(folder, '.idempotent') })
  const abandoned = createAbandonedResults({
    ...bounds,
    folder: join(folder, '.abandoned'),
    ttlMs: abandonedTtlMs,
    onEvent: observer.resultAbandoned,
    onDelivered: observer.responseDelivered,
  })
  return {
    run: createChain([
      measure(observer),
      checkArguments,
      idempotent.around,
      ...(abandonedTtlMs > 0 ? [abandoned.around] : []),
      limitConcurrency(inFlight, maxCalls, observer.callRejected),
      limitUsage(limits, observer.callRejected),
      paidCalls.around,
    ]),
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

/** The steps from the first to the last, then the tool itself. */
export function createChain(steps: readonly Around[]): RunCall {
  return steps.reduceRight<RunCall>((next, step) => (call) => step(call, () => next(call)), callTool)
}

async function callTool({ tool: { tool }, args, context }: Call): Promise<ToolResult> {
  const result = await tool.call(args, context)
  // Results that are stored share the images; the response has them until the scope is closed.
  for (const block of result.content) {
    if (block.type === 'image' && block.data instanceof Base64Image) context.scope.use(block.data)
  }
  return result
}
