import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, parseEnv } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { createApp, name, version } from './app.ts'
import { ConfigurationError, type Environment, printConfiguration } from './services/configuration.ts'
import { describeError } from './services/log-redaction.ts'
import { serveStdio } from './services/mcp/stdio.ts'

/** The executable: the only file that reads the environment, the arguments and `.env`. */

const usage = `Usage: ${name} [--stdio] [--check] [--version] [--help]

  --stdio    serve one MCP client over stdin and stdout instead of HTTP; logs go to stderr
  --check    validate the configuration, print it without secrets, and exit with 0 or 1
  --version  print the version
  --help     print this

The configuration comes from the environment and from .env in the working directory; the environment wins.
`

/**
 * Percent by which the heap may grow before it is collected. V8 counts what sockets allocate as growth, so that left to
 * itself it goes through all objects after every few pictures, although hardly one has been added.
 */
const HEAP_GROWING_PERCENT = 200

/** Short enough for whoever watches, long enough to write many lines at a time. */
const LOG_DELAY_MS = 50

const flags = {
  stdio: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

async function main(): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  const { values } = parseArgs({ options: flags })
  if (values.help) return say(usage)
  if (values.version) return say(`${version}\n`)

  const environment = { ...readDotEnv(), ...process.env }
  if (values.stdio && !values.check) return await serveClient(environment)

  const app = createApp({
    environment,
    logDestination: process.stdout,
    logDelayMs: LOG_DELAY_MS,
    isTerminal: process.stdout.isTTY,
  })
  await app.ready()
  if (values.check) {
    say(`${printConfiguration(app.config)}\n`)
    await app.close()
    return
  }

  closeOnSignals(app)
  const { MCP_SERVER_HOST: host, MCP_SERVER_PORT: port, MAX_CONNECTIONS } = app.config
  // Where the queue is full the system drops a connection, and a probe waits for seconds until it tries again.
  await app.listen({ host, port, backlog: MAX_CONNECTIONS })
}

/** Serves whoever started this process, over its standard streams, until it closes them. */
async function serveClient(environment: Environment): Promise<void> {
  // The client takes everything on stdout for a message.
  redirectConsole(toStdout, explainConsole)
  // Clients start their servers in `/`, where nothing can be written.
  const folder = environment.IMAGES_DIR?.trim() || join(homedir(), 'azure-image-editor', 'images')
  const app = createApp({
    environment: { ...environment, IMAGES_DIR: folder },
    logDestination: process.stderr,
    isTerminal: process.stderr.isTTY,
    transport: 'stdio',
  })
  await app.ready()
  const { uninstall } = closeOnSignals(app)
  await serveStdio({
    dispatcher: app.mcp,
    input: process.stdin,
    output: process.stdout,
    log: app.log,
    maxMessageBytes: app.config.MAX_BODY_BYTES,
    newRequestId: randomUUID,
    enter: app.drain.enter,
    whenOver: app.drain.whenOver,
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
    { delay: app.config.SHUTDOWN_GRACE_MS + 5_000, logger: app.log },
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

/** A file that is there but cannot be read is said: Docker makes a folder where a mounted file is missing. */
function readDotEnv(): Environment {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (error.code !== 'ENOENT') process.stderr.write(`.env in the working directory cannot be read (${error.code}).\n`)
    return {}
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigurationError) {
    const hint = error.empty ? '\nTo try the service without an Azure account, run in a clone: npm run demo\n' : ''
    return `The configuration is not usable:\n${error.message.replaceAll(/^/gm, '  ')}\n${hint}`
  }
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
