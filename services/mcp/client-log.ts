import { type LogLevel, logLevels } from '../logging/client-line.ts'
import { metaOf } from './envelope.ts'
import { invalidParams } from './protocol-error.ts'
import type { McpRequest } from './types.ts'

const LEVEL_KEY = 'io.modelcontextprotocol/logLevel'

/** Of one request, whatever it does. */
const MAX_LINES = 200

/**
 * Runs a request; if its client requests log lines, those of its level and above are sent to it until the end. Without a level
 * none are, and neither are they where nothing can be sent before the response.
 * https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/logging
 * @throws ProtocolError -32602 for an unknown level
 */
export function withClientLog(
  params: unknown,
  { context, revision }: McpRequest,
  run: () => object | Promise<object>,
): object | Promise<object> {
  const requested = metaOf(params)[LEVEL_KEY]
  if (!revision.hasClientLog || requested === undefined) return run()
  const least = logLevels.indexOf(levelOf(requested))
  const { notify } = context
  if (notify === undefined) return run()
  let left = MAX_LINES
  context.tell = ({ level, logger, ...data }) => {
    if (logLevels.indexOf(level) < least || left === 0) return
    left--
    void notify({ jsonrpc: '2.0', method: 'notifications/message', params: { level, logger, data } })
  }
  return Promise.try(run).finally(() => {
    context.tell = undefined
  })
}

function levelOf(requested: unknown): LogLevel {
  const level = logLevels.find((each) => each === requested)
  if (level === undefined) throw invalidParams(`The log level is one of ${logLevels.join(', ')}.`)
  return level
}
