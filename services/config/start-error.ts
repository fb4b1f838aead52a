import { ReportedError } from '../errors/app-error.ts'
import { codeOf } from '../errors/error-code.ts'
import { describeError } from '../logging/redaction.ts'
import { PortInUseError } from '../net/listen.ts'
import { ConfigurationError } from './configuration-error.ts'
import { EnvironmentFileError } from './environment-file.ts'

/** Why the service does not start, for the operator at the terminal. Ends with a line break. */
export function explainStartError(error: unknown): string {
  if (error instanceof ConfigurationError) {
    const hint = error.empty ? '\nTo try the service without an Azure account, run in a clone: npm run demo\n' : ''
    const lines = [error.message, ...error.warnings].join('\n')
    return `Invalid configuration:\n${lines.replaceAll(/^/gm, '  ')}\n${hint}`
  }
  if (error instanceof EnvironmentFileError) return `${error.message}\n`
  const code = codeOf(error)
  if (code === 'EADDRINUSE' || error instanceof PortInUseError) {
    const variable = error instanceof PortInUseError ? error.variable : 'MCP_SERVER_PORT'
    return `${variable} is in use (EADDRINUSE): another program listens there; set ${variable} to a free port.\n`
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `MCP_SERVER_HOST is no address of this machine (${code}); set 127.0.0.1, or 0.0.0.0 for every network.\n`
  }
  if (code === 'EACCES' && error instanceof Error && 'syscall' in error && error.syscall === 'listen') {
    return 'The port needs more rights than the process has (EACCES); set MCP_SERVER_PORT and ADMIN_PORT above 1023.\n'
  }
  if (error instanceof TypeError && code.startsWith('ERR_PARSE_ARGS')) {
    // Only flags are named: a word may be a secret that was pasted in the wrong place.
    if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL') return 'Unknown command; --help lists the commands.\n'
    return `${error.message.split('. ')[0]}; --help lists the flags.\n`
  }
  if (error instanceof ReportedError && error.cause === undefined) return `${error.message}\n`
  return `The service failed: ${JSON.stringify(describeError(error))}\n`
}
