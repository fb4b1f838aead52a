import { randomUUID } from 'node:crypto'
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Agent, request } from 'undici'
import { createCertificate } from './certificate.ts'
import { clientKey, operatorsFolder } from './compose.ts'
import { docker, image } from './containers.ts'
import { freePorts } from './free-ports.ts'
import type { RpcResponse } from './service.ts'
import { root, run } from './system/processes.ts'

/** The overlays for production and for replicas as one stack. Only names of images and containers, ports and the pace of health checks differ. */
export interface ProductionStack extends AsyncDisposable {
  compose(...args: string[]): Promise<string>
  /** Names of the service's containers. */
  replicas(): Promise<string[]>
  /** Calls a tool at Nginx, with the certificate checked. */
  call(name: string, args: object, key?: string): Promise<{ status: number; response: RpcResponse }>
  prometheus: string
  /** Those that have arrived at the simulator so far. */
  requestsToAzure(): Promise<number>
}

const standIns = ['nginx', 'redis', 'postgres', 'prometheus', 'simulator']
const nameOf = (standIn: string) => `azure-image-editor-test-${standIn}`

/** Without networks no Compose project runs unchanged: an engine in a container may be denied them. */
export async function hasNetworks(): Promise<boolean> {
  const name = `test-${randomUUID().slice(0, 8)}`
  try {
    await docker('network', 'create', name)
  } catch (error) {
    if (/not supported|not permitted/.test(String(error))) return false
    throw error
  }
  await docker('network', 'rm', name)
  return true
}

/** Builds what a registry has: a minute at the first time. */
export async function buildStandIns(): Promise<void> {
  for (const name of standIns) {
    const folder = join(root, 'test/container/stand-ins')
    await docker('build', '--quiet', '--network', 'host', '--target', name, '--tag', nameOf(name), folder)
  }
}

export async function startProductionStack(t: TestContext): Promise<ProductionStack> {
  const [port = 0, prometheusPort = 0] = await freePorts(2)
  const { certificate, key } = createCertificate()
  const folder = await preparedFolder(t, { certificate, key })
  await writeFile(join(folder, 'test.yml'), overrides(port, prometheusPort))
  const project = `test-${randomUUID().slice(0, 8)}`
  const overlays = ['scaled', 'production'].flatMap((name) => ['-f', `deploy/docker-compose.${name}.yml`])
  const compose = async (...args: string[]) => {
    const all = ['compose', '-p', project, '-f', 'docker-compose.yml', ...overlays, '-f', 'test.yml', ...args]
    return (await run('docker', all, { cwd: folder, maxBuffer: 16 * 1_048_576 })).stdout
  }
  await using cleanUp = new AsyncDisposableStack()
  const client = cleanUp.adopt(
    new Agent({ connect: { ca: certificate }, headersTimeout: 0, bodyTimeout: 0 }),
    (agent) => agent.close(),
  )
  cleanUp.defer(async () => void (await compose('down', '--volumes', '--timeout', '20')))
  await compose('up', '--detach', '--no-build', '--wait').catch(async (cause: unknown) => {
    throw new Error(await compose('logs', '--tail', '15'), { cause })
  })
  const stack = cleanUp.move()
  return {
    compose,
    replicas: async () => (await compose('ps', '--format', '{{.Name}}', 'azure-image-editor')).trim().split('\n'),
    prometheus: `http://127.0.0.1:${prometheusPort}`,
    requestsToAzure: async () =>
      (await compose('logs', '--no-log-prefix', 'simulator')).split('"incoming request"').length - 1,
    async call(name, args, clientsKey = clientKey) {
      const { statusCode, body } = await request(`https://localhost:${port}/`, {
        dispatcher: client,
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${clientsKey}` },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
      })
      return { status: statusCode, response: JSON.parse(await body.text()) }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** As docs/deployment.md tells an operator to prepare it. */
async function preparedFolder(t: TestContext, { certificate, key }: { certificate: string; key: string }) {
  const folder = await operatorsFolder(
    t,
    ['AZURE_BASE_URL=http://simulator:8010', 'AZURE_DEPLOYMENT_NAME=FLUX.1-Kontext-pro'].join('\n'),
  )
  for (const name of ['images', 'logs', 'ssl']) await mkdir(join(folder, name))
  await writeFile(join(folder, 'ssl/tls.crt'), certificate)
  await writeFile(join(folder, 'ssl/tls.key'), key)
  const isRoot = process.getuid?.() === 0
  const secrets = ['azure_api_key', 'mcp_api_keys', 'server_secret', 'database_url'].map((name) => `secrets/${name}`)
  for (const name of [...secrets, 'images', 'logs']) {
    const path = join(folder, name)
    if (isRoot) await chown(path, 1000, 1000)
    await chmod(path, name.startsWith('secrets') ? (isRoot ? 0o400 : 0o444) : isRoot ? 0o700 : 0o777)
  }
  return folder
}

function overrides(port: number, prometheusPort: number): string {
  const often = { interval: '1s', timeout: '30s', retries: 600 }
  // Compose's tags are not JSON.
  return `services:
  azure-image-editor:
    image: ${image}
    build: !reset null
    healthcheck: ${JSON.stringify(often)}
  nginx:
    image: ${nameOf('nginx')}
    container_name: !reset null
    ports: !override ["127.0.0.1:${port}:443"]
  redis:
    image: ${nameOf('redis')}
    healthcheck: ${JSON.stringify(often)}
  postgres:
    image: ${nameOf('postgres')}
    healthcheck: ${JSON.stringify(often)}
  prometheus:
    image: ${nameOf('prometheus')}
    container_name: !reset null
    ports: !override ["127.0.0.1:${prometheusPort}:9090"]
  simulator:
    image: ${nameOf('simulator')}
    command: [--log]
    networks: [edge]
    volumes: [${JSON.stringify(`${root}:/project:ro`)}]
`
}
