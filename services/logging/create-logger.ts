import pino from 'pino'
import { describeError, hideSecrets, withoutErrorText } from './redaction.ts'

let timestampedAt = 0
let timestamp = ''

/** pino's `isoTime`, formatted once per millisecond: several lines are written in each under load. */
function timestampMember(): string {
  const now = Date.now()
  if (now !== timestampedAt) {
    timestampedAt = now
    timestamp = `,"time":"${new Date(now).toISOString()}"`
  }
  return timestamp
}

/** A logger whose lines have no secret, no prompt and no third-party error text in them. */
export function createLogger(level: pino.LevelWithSilent, output: { write(line: string): void }): pino.Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: timestampMember,
      formatters: { log: hideSecrets },
      // pino's own serializer would log every member of an error that the formatter did not see.
      serializers: { err: (error: unknown) => (error instanceof Error ? describeError(error) : error) },
      hooks: {
        logMethod(args, method) {
          method.apply(this, withoutErrorText(args))
        },
      },
    },
    output,
  )
}
