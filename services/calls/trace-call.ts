import { errorTypeOf, type SpanOptions } from '../telemetry/trace.ts'
import { inTrace } from './derive-context.ts'
import { InputRequired } from './input.ts'
import type { Around, Call, Next, ToolResult } from './types.ts'

/** A span for every call of a tool, at each door: what is done for the call is below it. */
export const traceCall: Around = (call, next) => {
  const { tool } = call.tool
  const facts = {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': tool.name,
    'image_mcp.door': call.context.door,
  } as const
  return within(call, `execute_tool ${tool.name}`, { facts }, next)
}

/** The turn of a job goes on with the trace of the call that submitted it. */
export const traceTurn: Around = (call, next) => {
  const facts = { 'messaging.destination.name': 'jobs', 'messaging.operation.type': 'process' } as const
  return within(call, 'process jobs', { kind: 'consumer', facts, links: [call.context.trace] }, next)
}

async function within(call: Call, name: string, options: SpanOptions, next: Next): Promise<ToolResult> {
  const { context } = call
  const span = context.trace.start(name, options)
  // In place: what the steps find out about the call is read from it by its door.
  call.context = inTrace(context, span.trace)
  try {
    const result = await next()
    if (result.isError === true) span.fail('tool_error')
    return result
  } catch (error) {
    const isFailure = !(error instanceof InputRequired)
    if (isFailure) span.fail(context.isCancelled ? 'cancelled' : errorTypeOf(error))
    throw error
  } finally {
    span.end()
  }
}
