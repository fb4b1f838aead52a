/** From the least to the most severe. https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1 */
export const logLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const
export type LogLevel = (typeof logLevels)[number]

/** A line for the log of the client whose request it is: in our words, without secrets, prompts and texts of Azure. */
export interface ClientLine {
  level: LogLevel
  /** The part of the service. */
  logger: 'azure' | 'calls' | 'library'
  message: string
  /** Of the error table. */
  code?: string
}

/** Tells a client that requested log lines. Never throws. */
export type TellClient = (line: ClientLine) => void
