import type { Logger } from '../logging/logger.ts'
import type { Trace } from './trace.ts'

/** A log whose lines name their trace. */
export function tracedLog(log: Logger, { id }: Trace): Logger {
  if (id === undefined) return log
  const within = (fields: object) => ({ trace_id: id, ...fields })
  return {
    debug: (fields, message) => log.debug(within(fields), message),
    info: (fields, message) => log.info(within(fields), message),
    warn: (fields, message) => log.warn(within(fields), message),
    error: (fields, message) => log.error(within(fields), message),
  }
}
