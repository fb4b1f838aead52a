import { ServiceError } from '../errors/errors.ts'
import { Rejection } from '../errors/rejection.ts'
import { InputRequired } from './input.ts'
import { type Around, type CallContext, type Door, doors, type Tool } from './types.ts'

/** How a call of a tool ended: a closed set for metrics. */
export const callOutcomes = [
  'ok',
  'input_required',
  'input_error',
  'upstream_error',
  'service_error',
  'internal_error',
  'cancelled',
  'rejected',
] as const
export type CallOutcome = (typeof callOutcomes)[number]

/** Members of closed sets, as labels of metrics have to be. */
export interface FinishedCall {
  tool: string
  outcome: CallOutcome
  door: Door
  /** An exported trace that has the call in it. */
  traceId: string | undefined
}

export interface CallObserver {
  callStarted(tool: string): void
  callFinished(call: FinishedCall, seconds: number): void
}

/** Every tool with each door that it can be called through, as labels of metrics. */
export function countedTools(
  tools: readonly Tool[],
  { isLocal, hasOpenAiApi }: { isLocal: boolean; hasOpenAiApi: boolean },
): { tool: string; door: Door }[] {
  // OpenAI's API is for what generates images.
  const isOpen = (door: Door, { quote }: Tool) =>
    isLocal ? door === 'stdio' : door === 'mcp' || (door === 'openai' && hasOpenAiApi && quote !== undefined)
  return tools.flatMap((tool) => doors.filter((door) => isOpen(door, tool)).map((door) => ({ tool: tool.name, door })))
}

/** Counts every call, with its outcome and duration. */
export function measure(observer: CallObserver): Around {
  return async ({ tool: { tool }, context }, next) => {
    const startedAt = performance.now()
    let outcome: CallOutcome = 'internal_error'
    observer.callStarted(tool.name)
    try {
      const result = await next()
      outcome = result.isError === true ? 'input_error' : 'ok'
      return result
    } catch (error) {
      outcome = outcomeOf(error, context)
      throw error
    } finally {
      observer.callFinished(
        { tool: tool.name, outcome, door: context.door, traceId: context.trace.sampledId },
        (performance.now() - startedAt) / 1000,
      )
    }
  }
}

function outcomeOf(error: unknown, context: CallContext): CallOutcome {
  if (error instanceof Rejection) return 'rejected'
  if (error instanceof InputRequired) return 'input_required'
  if (context.isCancelled) return 'cancelled'
  return error instanceof ServiceError ? `${error.family}_error` : 'internal_error'
}
