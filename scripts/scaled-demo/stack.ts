import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSimulator } from '../../simulator/app.ts'
import { AZURITE_KEY, startAzurite } from '../../test/support/azurite.ts'
import { freePorts } from '../../test/support/free-ports.ts'
import { startNeighbours } from '../../test/support/system/replicas.ts'
import { freePort } from '../free-port.ts'
import { configureNginx, configurePrometheus } from './configurations.ts'
import { isUp, missingPackages, startProgram } from './programs.ts'
import { type Addresses, welcome } from './welcome.ts'

/** Three replicas that share everything, with all that stands around them, until standard input ends. */

const host = '127.0.0.1'
const executable = fileURLToPath(new URL('../../bin/azure-image-editor-mcp.js', import.meta.url))
const REPLICAS = 3
/** So that the shared quota can be watched. */
const REQUESTS_PER_MINUTE = '30'

async function main(): Promise<void> {
  const stopped = once(process.stdin.resume(), 'end')
  // Debian's Nginx is there, which is on the path of root only.
  process.env.PATH = `${process.env.PATH}:/usr/sbin`
  const missing = await missingPackages()
  if (missing.length > 0) {
    throw new Error(
      `not installed: ${missing.join(', ')}. scripts/install-test-packages.sh installs them (Debian, Ubuntu).`,
    )
  }
  await using stack = new AsyncDisposableStack()
  process.stdout.write(welcome(await startAll(stack)))
  await stopped
}

/** Starts each part after those that it uses; the stack stops them in the opposite order. */
async function startAll(stack: AsyncDisposableStack): Promise<Addresses> {
  const folder = await mkdtemp(join(tmpdir(), 'image-replicas-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const { IMAGES_SHARED: _, ...databases } = await stack.use(await startNeighbours()).environment()
  const azurite = await stack.use(await startAzurite()).createContainer('images')
  const replicas = await startReplicas(folder, stack, {
    ...databases,
    AZURE_STORAGE_URL: azurite,
    AZURE_STORAGE_KEY: AZURITE_KEY,
    AZURE_BASE_URL: await startAzure(stack),
  })
  const addresses = replicas.map(({ address }) => address)

  const site = `${host}:${await freePort(Number(process.env.PORT || 8000))}`
  const nginx = stack.use(startProgram('nginx', await configureNginx(folder, site, addresses), folder))
  await isUp(`http://${site}/health`, nginx)
  const metrics = `${host}:${await freePort(Number(process.env.PROMETHEUS_PORT || 9090))}`
  const prometheus = await configurePrometheus(folder, metrics, addresses)
  await isUp(`http://${metrics}/-/ready`, stack.use(startProgram('prometheus', prometheus, folder)))
  return {
    service: `http://${site}`,
    replicas,
    redis: databases.REDIS_URL ?? '',
    postgres: databases.DATABASE_URL ?? '',
    azurite,
    prometheus: `http://${metrics}`,
    requestsPerMinute: REQUESTS_PER_MINUTE,
  }
}

const AZURE_KEY = 'simulated-key'

async function startAzure(stack: AsyncDisposableStack): Promise<string> {
  const simulator = createSimulator({ apiKeys: [AZURE_KEY] })
  stack.defer(() => simulator.close())
  return await simulator.listen({ host, port: 0 })
}

/** Each has a folder of its own: what they share is in Redis, Postgres and Azurite only. */
async function startReplicas(
  folder: string,
  stack: AsyncDisposableStack,
  shared: Readonly<Record<string, string>>,
): Promise<Addresses['replicas']> {
  const ports: readonly number[] = await freePorts(REPLICAS)
  return await Promise.all(
    ports.map(async (port) => {
      const home = join(folder, String(port))
      await mkdir(join(home, 'images'), { recursive: true })
      const replica = startProgram(process.execPath, [executable], home, {
        ...shared,
        AZURE_API_KEY: AZURE_KEY,
        AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
        AZURE_REQUESTS_PER_MINUTE: REQUESTS_PER_MINUTE,
        MCP_SERVER_HOST: host,
        MCP_SERVER_PORT: String(port),
        IMAGES_DIR: join(home, 'images'),
        TRUST_PROXY: host,
        // Everything of the demo runs on one machine, which is busy at times.
        LIBRARY_WAIT_MS: '30000',
        LOG_LEVEL: process.env.LOG_LEVEL || 'warn',
      })
      stack.use(replica)
      await isUp(`http://${host}:${port}/ready`, replica)
      return { address: `${host}:${port}`, pid: replica.child.pid ?? 0 }
    }),
  )
}

try {
  await main()
} catch (error) {
  process.stderr.write(`The demo did not start: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
process.stdin.destroy()
