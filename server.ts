import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { parseArgs, parseEnv } from 'node:util'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { createApp, name, version } from './app.ts'
import { describeDeployments } from './services/azure/models/name-resolution.ts'
import { collectGarbageLessOften } from './services/bytes/tuning.ts'
import { ConfigurationError } from './services/config/configuration-error.ts'
import { type Environment, stdioEnvironment, type Transport } from './services/config/environment.ts'
import { describeError } from './services/logging/redaction.ts'
import { serveStdio } from './services/mcp/stdio.ts'

/** The executable: the only file that reads the environment, the arguments and `.env`. */

const usage = `Usage: ${name} [--stdio] [--env-file FILE] [--check] [--version] [--help]

  --stdio          serve one MCP client over stdin and stdout instead of HTTP; logs go to stderr
  --env-file FILE  read variables from FILE, and from no .env
  --check          validate the configuration, print it without secrets, and exit with 0 or 1
  --version        print the version
  --help           print this

The configuration comes from the environment and from .env in the working directory; the environment wins.
With --stdio no .env is read, because clients start their servers in folders of other people; name one with --env-file.
`

/** Short enough for whoever watches, long enough to write many lines at a time. */
const LOG_DELAY_MS = 50

const flags = {
  stdio: { type: 'boolean', default: false },
  'env-file': { type: 'string' },
  check: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

async function main(): Promise<void> {
  collectGarbageLessOften()
  const { values } = parseArgs({ options: flags })
  if (values.help) return say(usage)
  if (values.version) return say(`${version}\n`)

  const transport = values.stdio ? 'stdio' : 'http'
  // The client takes everything on stdout for a message.
  if (transport === 'stdio' && !values.check) redirectConsole(toStdout, explainConsole)
  // Windows looks for programs (`az`, `pwsh` for a token) in the working directory first, which may be somebody else's.
  // https://github.com/libuv/libuv/pull/4238
  process.env.NoDefaultCurrentDirectoryInExePath ??= '1'
  const app = createService(transport, readVariables(transport, values['env-file']))
  await app.ready()
  if (values.check) {
    const driven = Object.entries(describeDeployments(app.azureImages.deployments))
    const lines = driven.map(([deployment, model]) => `deployment ${deployment}: ${model}\n`)
    say(`${app.config.lines.join('\n')}\n${lines.join('')}`)
    return await app.close()
  }
  if (transport === 'stdio') return await serveClient(app)

  closeOnSignals(app)
  const { host, port, maxConnections } = app.config.server
  // Where the queue is full the system drops a connection, and a probe waits for seconds until it tries again.
  await app.listen({ host, port, backlog: maxConnections })
}

function createService(transport: Transport, variables: Environment): FastifyInstance {
  const isStdio = transport === 'stdio'
  const logDestination = isStdio ? process.stderr : process.stdout
  return createApp({
    environment: isStdio ? stdioEnvironment(variables, homedir()) : variables,
    logDestination,
    logDelayMs: isStdio ? 0 : LOG_DELAY_MS,
    isTerminal: logDestination.isTTY,
    transport,
  })
}

/** Serves whoever started this process, over its standard streams, until it closes them. */
async function serveClient(app: FastifyInstance): Promise<void> {
  const { uninstall } = closeOnSignals(app)
  await serveStdio({
    dispatcher: app.mcp,
    input: process.stdin,
    output: process.stdout,
    log: app.log,
    maxMessageBytes: app.config.limits.maxBodyBytes,
    callDeadlineMs: app.config.limits.callDeadlineMs,
    newRequestId: randomUUID,
    pool: app.bufferPool,
    enter: app.drain.enter,
    onForceClose: app.drain.onForceClose,
  })
  uninstall()
  process.on('uncaughtException', failAtOnce)
  await app.close()
}

type ConsoleMethod = 'warn' | 'error' | 'trace' | 'log' | 'info' | 'debug'
const toStderr = ['warn', 'error', 'trace'] as const
const toStdout = ['log', 'info', 'debug'] as const

function closeOnSignals(app: FastifyInstance) {
  // What is logged on the way out finds no further turn of the event loop.
  process.once('exit', app.logLines.flush)
  process.off('uncaughtException', failAtOnce)
  process.off('warning', explainWarning)
  process.on('warning', (err) => app.log.warn({ err }, 'a warning of Node.js or of a library'))
  redirectConsole(toStderr, (method) => app.log.warn({ method }, 'a library wrote to the console'))
  // Above the drain of the app, so that this is only the last resort.
  return closeWithGrace(
    { delay: app.config.server.shutdownGraceMs + 5_000, logger: app.log },
    async function shutDown({ err, signal }) {
      if (err) app.log.fatal({ err }, 'shutting down after an uncaught error')
      else app.log.info({ signal }, 'shutting down')
      await app.close()
    },
  )
}

function say(text: string): void {
  process.stdout.write(text)
}

/**
 * The environment over what a file says: the one that is named, else `.env` in the working directory. Over stdio that
 * folder is whichever a client has open, often a repository of somebody else's, so that nothing in it is read.
 *
 * @throws EnvironmentFileError for a named file that cannot be read
 */
function readVariables(transport: Transport, file: string | undefined): Environment {
  if (file !== undefined) return { ...readNamedFile(file), ...process.env }
  return transport === 'stdio' ? process.env : { ...readDotEnv(), ...process.env }
}

class EnvironmentFileError extends Error {}

/** Node itself looks for a file after `--env-file`, so that one which is missing may be reported before we are loaded. */
function readNamedFile(file: string): Environment {
  try {
    return parseEnv(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new EnvironmentFileError(`--env-file: ${file} cannot be read (${codeOf(cause)}).`, { cause })
  }
}

/** A file that is there but cannot be read is reported: Docker makes a folder where a mounted file is missing. */
function readDotEnv(): Environment {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'ENOENT') process.stderr.write(`.env in the working directory cannot be read (${code}).\n`)
    return {}
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code)
  throw error
}

function explain(error: unknown): string {
  if (error instanceof ConfigurationError) {
    const hint = error.empty ? '\nTo try the service without an Azure account, run in a clone: npm run demo\n' : ''
    return `The configuration is not usable:\n${error.message.replaceAll(/^/gm, '  ')}\n${hint}`
  }
  if (error instanceof EnvironmentFileError) return `${error.message}\n`
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `MCP_SERVER_PORT is in use (EADDRINUSE): another program listens there; set MCP_SERVER_PORT to a free port.\n`
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    const isFlag = error.code !== 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL'
    return `${isFlag ? error.message.split('. ')[0] : 'Only flags are taken'}; --help lists the flags.\n`
  }
  return `The service could not go on: ${JSON.stringify(describeError(error))}\n`
}

/** Until an application can log it. Node would print the error whole, with what its library hung on it. */
function failAtOnce(error: unknown): void {
  process.stderr.write(explain(error))
  process.exit(1)
}

/** Node's own listener prints the text of a warning, which may be a library's. */
function explainWarning(warning: Error): void {
  process.stderr.write(`A warning of Node.js or of a library: ${JSON.stringify(describeError(warning))}\n`)
}

/** Only that it happened: libraries write to the console what they please. */
function explainConsole(method: string): void {
  process.stderr.write(`A library wrote to the console (${method}).\n`)
}

function redirectConsole(methods: readonly ConsoleMethod[], report: (method: string) => void): void {
  for (const method of methods) console[method] = () => report(method)
}

process.on('uncaughtException', failAtOnce)
redirectConsole(toStderr, explainConsole)
process.removeAllListeners('warning')
process.on('warning', explainWarning)

try {
  await main()
} catch (error) {
  failAtOnce(error)
}
