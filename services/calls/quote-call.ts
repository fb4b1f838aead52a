import type { Quote } from '../azure/types.ts'
import type { Call } from './types.ts'

/**
 * What the call would do and cost, computed once; undefined if it costs nothing.
 * @throws as the call itself for its arguments
 */
export async function quoteCall(call: Call): Promise<Quote | undefined> {
  if (call.cost > 0) call.quote ??= await call.tool.tool.quote?.(call.args, call.context)
  return call.quote
}
