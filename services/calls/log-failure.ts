import type { ServiceError } from '../errors/errors.ts'
import { reasonOf } from '../errors/reason.ts'
import type { CallContext } from './types.ts'

/**
 * Logs a failed call in one line that says everything; a stack would only show where our own error was created.
 * @param what failed, as the line begins: `tool call`
 */
export function logFailedCall(
  error: ServiceError,
  { log, caller }: Pick<CallContext, 'log' | 'caller'>,
  what: string,
  facts: Readonly<Record<string, unknown>> = {},
): void {
  const { code, family, retryable, detail } = error
  const fields = { ...facts, caller: caller.id, code, retryable, reason: reasonOf(error), ...detail }
  if (family === 'input') log.info(fields, `${what} rejected`)
  else if (family === 'upstream') log.warn(fields, `${what} failed upstream`)
  else log.error(fields, `${what} failed`)
}
