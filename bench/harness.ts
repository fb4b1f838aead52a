import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Caller, callMany, createCaller, createOpenAiCaller, type ToolCall } from './caller.ts'
import { imageOf, MiB } from './image.ts'
import { fetchList } from './list-load.ts'
import { type ServerCommand, type ServerProcess, startServer } from './server-process.ts'

/** A measured server. */
export type SubjectName =
  | 'bare'
  | 'logging'
  | 'pipe'
  | 'files'
  | 'peer'
  | 'service'
  | 'no-library'
  | 'by-id'
  | 'openai'
  | 'guarded'
  | 'low-memory'

export interface Subject {
  server: ServerProcess
  caller: Caller
  headers: Readonly<Record<string, string>>
}

/** The fake Azure, the measured servers and their temporary folder. */
export interface Harness {
  /** A server that is started on first use and shared by all workloads. */
  shared(name: SubjectName): Promise<Subject>
  /** Runs `work` with a fresh server, which is stopped afterwards. */
  withFresh<T>(name: SubjectName, work: (subject: Subject) => Promise<T>): Promise<T>
  /** Where servers save images. */
  imagesFolder: string
  close(): Promise<void>
}

export interface HarnessOptions {
  /** The service's entry point. */
  serviceEntry: string
  /** Binds measured servers to the first processor and everything else to the others. */
  pin: boolean
  /** Calls of each kind before a shared server is measured. */
  warmUpCalls: number
  /** Flags for the `node` of every measured server. */
  nodeOptions: readonly string[]
}

const key = 'benchmark-key-of-the-caller'
/** Far above what a run can send in a minute. */
const farLimit = '1000000'
const folder = import.meta.dirname

/** Settings that differ from the defaults. */
const serviceVariants: Partial<Record<SubjectName, Record<string, string>>> = {
  service: {},
  'no-library': { LIBRARY: 'off' },
  'by-id': {},
  openai: {},
  guarded: { MCP_API_KEYS: `bench:${key}`, RATE_LIMIT_PER_MINUTE: farLimit },
  'low-memory': { MAX_BUFFERED_BYTES: '33554432' },
}

const callerOf = (name: SubjectName, origin: string, headers: Readonly<Record<string, string>>): Caller =>
  name === 'openai' ? createOpenAiCaller(origin) : createCaller(origin, headers)

export async function openHarness({ serviceEntry, pin, warmUpCalls, nodeOptions }: HarnessOptions): Promise<Harness> {
  const scratch = mkdtempSync(join(tmpdir(), 'azure-image-editor-bench-'))
  const imagesFolder = join(scratch, 'images')
  const imageFile = join(scratch, 'image.png')
  writeFileSync(imageFile, imageOf(6 * MiB).bytes)
  const cpu = pin && canPin() ? 0 : undefined
  if (cpu !== undefined) execFileSync('taskset', ['-a', '-cp', `1-${availableParallelism() - 1}`, String(process.pid)])
  const shared = new Map<SubjectName, Promise<Subject>>()
  let listText: Promise<string> | undefined
  const azure = await startServer({ args: [join(folder, 'servers/azure.ts')], environment: portOnly })

  async function commandOf(name: SubjectName): Promise<ServerCommand> {
    const variant = serviceVariants[name]
    if (variant !== undefined) {
      const environment = (port: number) => ({ ...serviceEnvironment(port), ...variant })
      return { args: [...nodeOptions, ...memoryFlags(), serviceEntry], environment, cpu }
    }
    const response = name === 'bare' || name === 'logging' ? await listResponse() : ''
    const { args, environment } = plainCommand(name, {
      AZURE_BASE_URL: azure.origin,
      RESPONSE: response,
      FILE: imageFile,
    })
    return { args: [...nodeOptions, ...args], environment, cpu }
  }

  /** The settings of the container and of the guide. */
  const serviceEnvironment = (port: number) => ({
    AZURE_BASE_URL: azure.origin,
    AZURE_API_KEY: 'benchmark-key-of-azure',
    AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
    AZURE_MODEL: 'flux.1-kontext-pro',
    AZURE_API_VERSION: '2025-04-01-preview',
    MCP_SERVER_HOST: '127.0.0.1',
    MCP_SERVER_PORT: String(port),
    IMAGES_DIR: imagesFolder,
    LOG_DIR: join(scratch, 'logs'),
  })

  async function start(name: SubjectName): Promise<Subject> {
    const headers: Record<string, string> = name === 'guarded' ? { authorization: `Bearer ${key}` } : {}
    const server = await startServer(await commandOf(name))
    return { server, headers, caller: callerOf(name, server.origin, headers) }
  }

  /** The floors return what the service returns, so that all send the same bytes. */
  async function listResponse(): Promise<string> {
    listText ??= startShared('service').then(({ server }) => fetchList(server.origin))
    return await listText
  }

  function startShared(name: SubjectName): Promise<Subject> {
    const subject = shared.get(name) ?? start(name).then(warmUp)
    shared.set(name, subject)
    return subject
  }

  /** Servers run for weeks, so the measured code is compiled code. */
  async function warmUp(subject: Subject): Promise<Subject> {
    const response = Math.round(0.1 * MiB)
    const plain = { response, input: 0, delayMs: 0 }
    const kinds: ToolCall[] = [plain, { ...plain, progress: true }, { ...plain, input: response }]
    // The floors for small responses have no tools.
    const hasTools = await subject.caller.call(plain).then(
      () => true,
      () => false,
    )
    for (const kind of hasTools ? kinds : []) await callMany(subject.caller, warmUpCalls, 4, () => kind)
    return subject
  }

  async function stop({ caller, server }: Subject): Promise<void> {
    await caller.close()
    await server.stop()
  }

  return {
    imagesFolder,
    shared: startShared,
    async withFresh(name, work) {
      const subject = await start(name)
      try {
        return await work(subject)
      } finally {
        await stop(subject)
      }
    },
    async close() {
      const started = await Promise.allSettled(shared.values())
      await Promise.all(started.map((result) => (result.status === 'fulfilled' ? stop(result.value) : undefined)))
      await azure.stop()
      rmSync(scratch, { recursive: true, force: true })
    },
  }
}

/** The container's memory flags; its permission flags name folders of the container. */
function memoryFlags(): string[] {
  const flags = readFileSync(join(folder, '../bin/entrypoint.sh'), 'utf8').match(/--max-[a-z-]+=\d+/g) ?? []
  if (flags.length === 0) throw new Error('the entry point has no memory flags')
  return flags
}

const portOnly = (port: number) => ({ PORT: String(port) })

const plainServers: Partial<Record<SubjectName, string>> = {
  bare: 'servers/bare-fastify.ts',
  logging: 'servers/logging-fastify.ts',
  pipe: 'servers/pipe.ts',
  files: 'servers/files.ts',
  peer: 'servers/peer.ts',
}

function plainCommand(name: SubjectName, environment: Record<string, string>): ServerCommand {
  const script = plainServers[name]
  if (script === undefined) throw new Error(`unknown server ${name}`)
  return {
    args: [join(folder, script)],
    environment: (port) => ({ ...environment, PORT: String(port), NODE_ENV: 'production' }),
  }
}

function canPin(): boolean {
  if (availableParallelism() < 2) return false
  try {
    execFileSync('taskset', ['--version'])
    return true
  } catch {
    return false
  }
}
