import type { Around } from './types.ts'

/**
 * Settles which images a call means, so that its price, its rules and its request are about the same ones. Repetitions are
 * recognized before: to them "last" is what it was.
 */
export const resolveReferences: Around = async (call, next) => {
  call.args = (await call.tool.tool.resolve?.(call.args, call.context)) ?? call.args
  return await next()
}
