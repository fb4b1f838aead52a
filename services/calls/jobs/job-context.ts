import type { Fence } from '../../azure/types.ts'
import type { Logger } from '../../logging/logger.ts'
import type { Trace } from '../../telemetry/trace.ts'
import { tracedLog } from '../../telemetry/traced-log.ts'
import { createContextBeside } from '../call-scope.ts'
import type { ClientInput } from '../input.ts'
import type { CallContext } from '../types.ts'
import type { Job } from './job.ts'

export interface JobContextOptions {
  job: Job
  /** Milliseconds that its turn may take. */
  deadlineMs: number
  /** Fires when it must not be sent any more: it was cancelled, or the process shuts down. */
  signal: AbortSignal
  fence: Fence
  /** Of the job. */
  log: Logger
  /** Where traces begin. */
  trace: Trace
}

/** The context of a job's turn, which no client waits for. */
export function createJobContext({ job, deadlineMs, signal, fence, log, trace: root }: JobContextOptions): CallContext {
  const { caller, access, door = 'mcp', baseUrl, requestId } = job.call
  const trace = root.join(job.call.trace, true) ?? root
  const request = { id: requestId, caller, access, door, baseUrl, log: tracedLog(log, trace), trace }
  const context = createContextBeside(request, signal, deadlineMs)
  return Object.assign(context, { fence, isDetached: true, input: clientInputOf(job) })
}

/** Undefined: its client cannot be asked. */
function clientInputOf({ call: { canBeAsked }, input }: Job): ClientInput | undefined {
  if (canBeAsked === undefined) return undefined
  const { responses, state } = input
  return { responses, state, canAsk: (question) => canBeAsked.includes(question) }
}
