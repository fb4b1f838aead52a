import { readFileSync } from 'node:fs'
import { parseArgs, parseEnv } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { createApp, name, version } from './app.ts'
import { ConfigurationError, type Environment, printConfiguration } from './services/configuration.ts'

/** The executable: the only file that reads the environment, the arguments and `.env`. */

const usage = `Usage: ${name} [--check] [--version] [--help]

  --check    validate the configuration, print it without secrets, and exit with 0 or 1
  --version  print the version
  --help     print this

The configuration comes from the environment and from .env in the working directory; the environment wins.
`

const flags = {
  check: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

async function main(): Promise<void> {
  const { values } = parseArgs({ options: flags })
  if (values.help) return say(usage)
  if (values.version) return say(`${version}\n`)

  const app = createApp({
    environment: { ...readDotEnv(), ...process.env },
    logDestination: process.stdout,
    isTerminal: process.stdout.isTTY,
  })
  await app.ready()
  if (values.check) {
    say(`${printConfiguration(app.config)}\n`)
    await app.close()
    return
  }

  // Above the drain of the app, so that this is only the last resort.
  closeWithGrace(
    { delay: app.config.SHUTDOWN_GRACE_MS + 5_000, logger: app.log },
    async function shutDown({ err, signal }) {
      if (err) app.log.fatal({ err }, 'shutting down after an uncaught error')
      else app.log.info({ signal }, 'shutting down')
      await app.close()
    },
  )
  await app.listen({ host: app.config.MCP_SERVER_HOST, port: app.config.MCP_SERVER_PORT })
}

function say(text: string): void {
  process.stdout.write(text)
}

function readDotEnv(): Environment {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigurationError) {
    const hint = error.empty ? '\nTo try the service without an Azure account, run in a clone: npm run demo\n' : ''
    return `The configuration is not usable:\n${error.message.replaceAll(/^/gm, '  ')}\n${hint}`
  }
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `${error.message}: another program listens there; set MCP_SERVER_PORT to a free port.\n`
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    return `${error.message.split('. ')[0]}; --help lists the flags.\n`
  }
  return `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`
}

try {
  await main()
} catch (error) {
  process.stderr.write(explain(error))
  process.exit(1)
}
