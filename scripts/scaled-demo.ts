import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createSimulator } from '../simulator/app.ts'
import { freePorts } from '../test/support/free-ports.ts'
import { requireProgram } from '../test/support/system/processes.ts'
import { startNeighbours } from '../test/support/system/replicas.ts'

/**
 * `npm run demo:scaled`: three replicas behind Nginx, with Redis, Postgres and the simulator in Azure's place, all on this
 * machine. Needs the programs that scripts/install-test-packages.sh installs.
 */

const host = '127.0.0.1'
const root = fileURLToPath(new URL('..', import.meta.url))
const executable = join(root, 'bin/azure-image-editor-mcp.js')
const REPLICAS = 3
/** So that the shared quota can be watched: 30 requests a minute for all replicas together. */
const REQUESTS_PER_MINUTE = '30'

const children: ChildProcess[] = []

async function main(): Promise<void> {
  await requireProgram('nginx')
  const folder = await mkdtemp(join(tmpdir(), 'image-replicas-'))
  const stopped = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)))
  await using neighbours = await startNeighbours()
  const simulator = createSimulator({ apiKeys: ['simulated-key'] })
  try {
    const port = Number(process.env.PORT || 8000)
    const replicas: readonly number[] = await freePorts(REPLICAS)
    const images = join(folder, 'images')
    await mkdir(images)
    const variables = {
      AZURE_BASE_URL: await simulator.listen({ host, port: 0 }),
      AZURE_API_KEY: 'simulated-key',
      AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
      AZURE_REQUESTS_PER_MINUTE: REQUESTS_PER_MINUTE,
      ...(await neighbours.environment()),
      IMAGES_DIR: images,
      MCP_SERVER_HOST: host,
      TRUST_PROXY: host,
      LOG_LEVEL: process.env.LOG_LEVEL || 'warn',
    }
    for (const replica of replicas) {
      start(process.execPath, [executable], { ...variables, MCP_SERVER_PORT: String(replica) }, folder)
    }
    for (const replica of replicas) await isUp(`http://${host}:${replica}/ready`)
    await startNginx(folder, port, replicas)
    await isUp(`http://${host}:${port}/health`)
    process.stdout.write(welcome(`http://${host}:${port}`, replicas))
    await Promise.race([stopped, ...children.map((child) => once(child, 'exit'))])
  } finally {
    // The replicas before what they use.
    for (const child of children.toReversed()) {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    await simulator.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Starts a program, which is stopped with the demo. */
function start(
  program: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  cwd = '/',
): void {
  const output = program === process.execPath ? 'inherit' : 'ignore'
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...variables }
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', output, output] })
  process.once('exit', () => child.kill('SIGKILL'))
  children.push(child)
}

/** The shipped configuration, with the addresses of these replicas. */
async function startNginx(folder: string, port: number, replicas: readonly number[]): Promise<void> {
  const shipped = await readFile(join(root, 'deploy/nginx/replicas.conf'), 'utf8')
  const site = shipped
    .replace('listen 8000', `listen ${host}:${port}`)
    .replace('/dev/stdout', join(folder, 'access.log'))
    .replace('resolver 127.0.0.11 valid=5s ipv6=off;', '')
    .replace('http://azure-image-editor:8000', 'http://replicas')
  const servers = replicas.map((replica) => `server ${host}:${replica};`).join(' ')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ')
  const conf = `daemon off; ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; pid ${folder}/nginx.pid;
    events {} http { ${temporary} upstream replicas { ${servers} } ${site} }`
  await writeFile(join(folder, 'nginx.conf'), conf)
  start('nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-p', folder])
}

const START_MS = 60_000

async function isUp(url: string): Promise<void> {
  const until = performance.now() + START_MS
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (performance.now() > until) throw new Error(`${url} does not respond`)
    await wait(100)
  }
}

function welcome(url: string, replicas: readonly number[]): string {
  const message = (name: string, args: object) =>
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
  const call = (name: string, args: object) =>
    `curl -sS ${url}/ -H 'Content-Type: application/json' -d '${message(name, args)}' | cut -c1-200`
  return `
${replicas.length} replicas of azure-image-editor-mcp are running behind ${url}
(${replicas.map((port) => `${host}:${port}`).join(', ')}), with Redis, Postgres and a simulated Azure that allows ${REQUESTS_PER_MINUTE} requests a minute.

A job is queued by one replica, made by another, and read at any:

${call('generate_image', { prompt: 'a red fox in the snow', job: true })}
${call('get_job', { job_id: 'job_…', wait_ms: 20000 })}

Sixty images at the pace of one quota:

for n in $(seq 60); do echo "\\"fox number $n\\""; done > foxes.jsonl
npm run batch -- foxes.jsonl --out foxes --url ${url}

Kill a replica meanwhile (pkill -9 -f -n bin/azure-image-editor-mcp.js): the others go on, and no image is paid for twice.
Ctrl-C stops everything.
`
}

await main()
