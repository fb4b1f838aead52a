import { randomBytes, randomUUID } from 'node:crypto'
import { homedir } from 'node:os'
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { createApp, name, version } from './app.ts'
import { loadConfig } from './plugins/config.ts'
import { describeDeployments } from './services/azure/models/name-resolution.ts'
import { loadDefaultTokenSource } from './services/azure/token-source.ts'
import { createBufferPool } from './services/bytes/buffer-pool.ts'
import { collectGarbageLessOften } from './services/bytes/tuning.ts'
import { describePolicy } from './services/calls/policy/policy.ts'
import { type Environment, stdioEnvironment, type Transport } from './services/config/environment.ts'
import { readDotEnv, readEnvironmentFile } from './services/config/environment-file.ts'
import { isConfined } from './services/config/permission-flags.ts'
import { explainStartError } from './services/config/start-error.ts'
import { ReportedError } from './services/errors/app-error.ts'
import { redirectConsole, stderrMethods, stdoutMethods } from './services/logging/console.ts'
import { createLogger } from './services/logging/create-logger.ts'
import { bufferedStdout, stderr } from './services/logging/log-output.ts'
import { describeError } from './services/logging/redaction.ts'
import { serveStdio } from './services/mcp/stdio.ts'
import { portOf } from './services/net/listen.ts'

/** The executable: the only file that reads the environment, the arguments and `.env`. */

const usage = `Usage: ${name} [--stdio | --worker] [--env-file FILE] [--check] [--online] [--version] [--help]
       ${name} library reindex|verify|prune [--help]
       ${name} batch PROMPTS.jsonl --out DIR [--help]
       ${name} receipts --since TIME [--until TIME] [--caller ID] [--format csv|jsonl] [--sum]

  --stdio          serve one MCP client over stdin and stdout instead of HTTP; logs go to stderr
  --worker         run the jobs of other replicas, and serve only /health, /ready and /metrics; needs REDIS_URL,
                   DATABASE_URL, and AZURE_STORAGE_URL or IMAGES_SHARED=true
  --env-file FILE  read variables from FILE, and from no .env
  --check          validate the configuration, print it without secrets, and exit with 0 or 1
  --online         like --check, and ask Azure about each deployment, by requests that generate and cost nothing
  --version        print the version
  --help           print this

The configuration comes from the environment and from .env in the working directory; the environment wins.
With --stdio no .env is read, because clients start servers in folders of third parties; name one with --env-file.
`

/** Beyond the grace period, for a shutdown that does not end by itself. */
const FORCED_EXIT_MS = 5_000

const flags = {
  stdio: { type: 'boolean', default: false },
  worker: { type: 'boolean', default: false },
  'env-file': { type: 'string' },
  check: { type: 'boolean', default: false },
  online: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

async function main(): Promise<void> {
  const [first, ...others] = process.argv.slice(2)
  if (first === 'library') return await runOnLibrary(others)
  if (first === 'receipts') return await runOnReceipts(others)
  if (first === 'batch') return await runBatch(others)
  collectGarbageLessOften()
  const { values } = parseArgs({ options: flags })
  if (values.help) return print(usage)
  if (values.version) return print(`${version}\n`)

  const isCheck = values.check || values.online
  const transport = values.stdio ? 'stdio' : 'http'
  if (values.stdio && values.worker) throw new ReportedError('--worker serves no client: use it without --stdio')
  // The client parses everything on stdout as messages.
  if (transport === 'stdio' && !isCheck) redirectConsole(stdoutMethods, reportConsole)
  // Windows otherwise looks for programs (`az`, `pwsh` for a token) in the working directory first, which may be a
  // third party's. https://github.com/libuv/libuv/pull/4238
  process.env.NoDefaultCurrentDirectoryInExePath ??= '1'

  const app = await createService(transport, readEnvironment(transport, values['env-file']), values.worker)
  await app.ready()
  if (isCheck) await printConfiguration(app, values.online)
  else if (transport === 'stdio') await serveClient(app)
  else await serveHttp(app)
}

/**
 * The process's environment, on top of the named file or of `.env` in the working directory. Over stdio that folder is
 * the one that the client has open, often a third party's repository, so that nothing in it is read.
 */
function readEnvironment(transport: Transport, file: string | undefined): Environment {
  if (file !== undefined) return { ...readEnvironmentFile(file), ...process.env }
  if (transport === 'stdio') return process.env
  return { ...readDotEnv((sentence) => process.stderr.write(`${sentence}\n`)), ...process.env }
}

function createService(transport: Transport, environment: Environment, isWorker: boolean): Promise<FastifyInstance> {
  const isStdio = transport === 'stdio'
  return createApp({
    environment: isStdio ? stdioEnvironment(environment, homedir()) : environment,
    transport,
    isWorker,
    logDestination: isStdio ? stderr() : bufferedStdout(),
    isTerminal: isStdio ? process.stderr.isTTY : process.stdout.isTTY,
  })
}

async function printConfiguration(app: FastifyInstance, isOnline: boolean): Promise<void> {
  const deployments = Object.entries(describeDeployments(app.azureImages.deployments))
  const lines = [...app.config.lines, ...deployments.map(([deployment, model]) => `deployment ${deployment}: ${model}`)]
  if (app.config.policy !== undefined) lines.push(...describePolicy(app.config.policy))
  print(`${lines.join('\n')}\n`)
  if (isOnline) {
    // Loads the HTTP client, which a start does not wait for.
    const { checkOnline } = await import('./services/azure/online-check.ts')
    const checks = await checkOnline(app.config.azure.deployments, app.config.outbound)
    print(checks.map(({ deployment, state, sentence }) => `online ${deployment}: ${state}: ${sentence}\n`).join(''))
    if (checks.some(({ state }) => state === 'failed')) process.exitCode = 1
  }
  await app.close()
}

/** A command on the stored images, beside a running service or without one. */
async function runOnLibrary(args: readonly string[]): Promise<void> {
  const { openStore } = await import('./services/library/open-store.ts')
  const { runLibraryCommand } = await import('./services/library/maintenance/command.ts')
  await using opened = new AsyncDisposableStack()
  async function open() {
    const { library, outbound } = await loadConfig({ environment: readEnvironment('http', undefined) })
    const log = createLogger('warn', stderr())
    const pool = createBufferPool()
    const loadTokens = loadDefaultTokenSource
    const { store, close } = await openStore({ library, pool, connections: outbound, loadTokens, log })
    opened.defer(close)
    return { library, store, log }
  }
  process.exitCode = await runLibraryCommand({ args, open, print: (line) => print(`${line}\n`) })
}

/** Writes receipts to stdout, beside a running service or without one. */
async function runOnReceipts(args: readonly string[]): Promise<void> {
  const { runReceiptsCommand } = await import('./services/calls/ledger/command.ts')
  const { createLedgerStore } = await import('./services/calls/ledger/ledger-store.ts')
  const { openExistingState } = await import('./services/calls/state-database.ts')
  await using opened = new AsyncDisposableStack()
  async function openStore() {
    const { library } = await loadConfig({ environment: readEnvironment('http', undefined) })
    const database = await openExistingState(library, createLogger('warn', stderr()))
    return database && createLedgerStore(opened.use(database))
  }
  process.exitCode = await runReceiptsCommand({ args, openStore, output: process.stdout, errors: process.stderr })
}

/** Makes the images of a file of prompts, by a running service or by one for the time of the batch. */
async function runBatch(args: readonly string[]): Promise<void> {
  const { runBatchCommand } = await import('./batch/command.ts')
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort())
  const { stdout, stderr } = process
  const { signal } = interrupted
  process.exitCode = await runBatchCommand({ args, startService: startForBatch, stdout, stderr, signal })
}

async function startForBatch() {
  const key = randomBytes(24).toString('base64url')
  const own = Object.entries(readEnvironment('http', undefined)).filter(
    ([variable]) => !/^(MCP_API_KEYS|OAUTH_|ADMIN_PORT)/.test(variable),
  )
  const app = await createApp({
    environment: {
      ...Object.fromEntries(own),
      // Only the batch can use it.
      MCP_SERVER_HOST: '127.0.0.1',
      MCP_SERVER_PORT: '0',
      MCP_API_KEYS: `batch:${key}`,
      RATE_LIMIT_PER_MINUTE: '0',
      INLINE_IMAGE_MAX_BYTES: '0',
      LOG_LEVEL: 'warn',
    },
    logDestination: stderr(),
  })
  await app.listenEverywhere()
  return { url: `http://127.0.0.1:${portOf(app.server)}/mcp`, key, close: () => app.close() }
}

async function serveHttp(app: FastifyInstance): Promise<void> {
  closeOnSignals(app)
  await app.listenEverywhere()
  // Compose files of the Python predecessor check with a program that the image lacks, and show an unhealthy container.
  if (isConfined()) {
    app.log.info(
      { healthcheck: ['CMD', 'node', 'bin/healthcheck.js'] },
      'the image has a health check; a healthcheck in docker-compose.yml that calls python always fails, since the image has no Python: remove it, or use this one',
    )
  }
}

/** Serves the client that started this process, until it closes stdin. */
async function serveClient(app: FastifyInstance): Promise<void> {
  const { uninstall } = closeOnSignals(app)
  await serveStdio({
    dispatcher: app.mcp,
    input: process.stdin,
    output: process.stdout,
    log: app.log,
    trace: app.tracing.root,
    maxMessageBytes: app.config.limits.maxBodyBytes,
    callDeadlineMs: app.config.limits.callDeadlineMs,
    newRequestId: randomUUID,
    pool: app.bufferPool,
    enter: app.drain.enter,
    onForceClose: app.drain.onForceClose,
  })
  uninstall()
  process.on('uncaughtException', exitWithError)
  await app.close()
}

/** From here on the application logs what goes wrong, and closes on a signal or an uncaught error. */
function closeOnSignals(app: FastifyInstance) {
  // Nothing else writes buffered lines once the process exits.
  process.once('exit', app.flushLogs)
  process.off('uncaughtException', exitWithError)
  process.off('warning', reportWarning)
  process.on('warning', (err) => app.log.warn({ err }, 'process warning'))
  redirectConsole(stderrMethods, (method) => app.log.warn({ method }, 'a library wrote to the console'))
  return closeWithGrace(
    { delay: app.config.server.shutdownGraceMs + FORCED_EXIT_MS, logger: app.log },
    async function shutDown({ err, signal }) {
      if (err) app.log.fatal({ err }, 'shutting down after an uncaught error')
      else app.log.info({ signal }, 'shutting down')
      await app.close()
    },
  )
}

function print(text: string): void {
  process.stdout.write(text)
}

/** Until the application can log. Node would print the whole error, with everything that its library attached to it. */
function exitWithError(error: unknown): void {
  process.stderr.write(explainStartError(error))
  process.exit(1)
}

/** Until the application can log. Node would print the text of the warning, which may be a library's. */
function reportWarning(warning: Error): void {
  process.stderr.write(`Process warning: ${JSON.stringify(describeError(warning))}\n`)
}

function reportConsole(method: string): void {
  process.stderr.write(`A library wrote to the console (${method}).\n`)
}

process.on('uncaughtException', exitWithError)
redirectConsole(stderrMethods, reportConsole)
process.removeAllListeners('warning')
process.on('warning', reportWarning)

try {
  await main()
} catch (error) {
  exitWithError(error)
}
