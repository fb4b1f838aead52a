import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'

export interface ServerCommand {
  /** Arguments of `node`. */
  args: readonly string[]
  /** Gets the port it is to listen on. */
  environment(port: number): Record<string, string>
  /** Processor it may run on; any by default. */
  cpu?: number | undefined
}

/** A server in a process of its own. Numbers come from Linux's /proc, so that the server needs no change to be measured. */
export interface ServerProcess {
  origin: string
  /** Milliseconds from the start of the process to its first response. */
  startMs: number
  /** Processor time of all its threads since it started. */
  cpuSeconds(): number
  /** Memory in use now, in bytes. */
  residentBytes(): number
  /** The most memory it ever used, in bytes. */
  peakResidentBytes(): number
  stop(): Promise<void>
}

const patienceMs = 20_000

/** Starts a server and waits for its first answer to `GET /health`. */
export async function startServer({ args, environment, cpu }: ServerCommand): Promise<ServerProcess> {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const pinned = cpu === undefined ? [] : ['taskset', '-c', String(cpu)]
  const [command = process.execPath, ...rest] = [...pinned, process.execPath, ...args]
  const startedAt = performance.now()
  const child = spawn(command, rest, {
    env: { PATH: process.env.PATH, ...environment(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = drain(child)
  // However the benchmark ends, nothing of it is left running.
  const endWithUs = () => child.kill('SIGKILL')
  process.once('exit', endWithUs)
  child.once('exit', () => process.off('exit', endWithUs))
  try {
    await firstResponse(child, origin)
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`${args.join(' ')} does not answer:\n${output()}`, { cause })
  }
  const { pid = 0 } = child
  return {
    origin,
    startMs: performance.now() - startedAt,
    cpuSeconds: () => cpuSeconds(pid),
    residentBytes: () => statusBytes(pid, 'VmRSS'),
    peakResidentBytes: () => statusBytes(pid, 'VmHWM'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = globalThis.setTimeout(() => child.kill('SIGKILL'), patienceMs)
      await exited
      clearTimeout(timer)
    },
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Reads what the server says, as a log collector would, and keeps the end of it. */
function drain(child: ChildProcess): () => string {
  let last = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      last = (last + chunk.toString('utf8')).slice(-4000)
    })
  }
  return () => last
}

async function firstResponse(child: ChildProcess, origin: string): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    try {
      const response = await fetch(`${origin}/health`)
      await response.arrayBuffer()
      if (!response.ok) throw new Error(`GET /health gave ${response.status}`)
      return
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) throw error
      await setTimeout(2)
    }
  }
}

/** The first field is nanoseconds on a processor: https://docs.kernel.org/scheduler/sched-stats.html */
function cpuSeconds(pid: number): number {
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0])
  }
  return nanoseconds / 1e9
}

function statusBytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kibibytes] =
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
  return Number(kibibytes) * 1024
}
