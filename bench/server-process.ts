import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { freePorts } from '../test/support/free-ports.ts'

export interface ServerCommand {
  /** Arguments of `node`. */
  args: readonly string[]
  /** Variables for a server on `port`. */
  environment(port: number): Record<string, string>
  /** Processor that it is bound to; none by default. */
  cpu?: number | undefined
  /** Milliseconds to the first response; by default far more than a healthy start needs on a busy machine. */
  limitMs?: number
}

/** A server as a separate process, measured through Linux's /proc, so that it needs no changes. */
export interface ServerProcess {
  origin: string
  pid: number
  /** Milliseconds from spawn to the first response. */
  startMs: number
  /** Processor time of all threads since the start. */
  cpuSeconds(): number
  /** Resident memory in bytes. */
  residentBytes(): number
  /** Peak resident memory in bytes. */
  peakResidentBytes(): number
  stop(): Promise<void>
  /** With SIGKILL, as the system does when memory runs out. */
  kill(): Promise<void>
}

const timeoutMs = 120_000

/** Starts a server and waits for its first response to `GET /health`. */
export async function startServer({
  args,
  environment,
  cpu,
  limitMs = timeoutMs,
}: ServerCommand): Promise<ServerProcess> {
  const [port = 0] = await freePorts(1)
  const origin = `http://127.0.0.1:${port}`
  const pinned = cpu === undefined ? [] : ['taskset', '-c', String(cpu)]
  const [command = process.execPath, ...rest] = [...pinned, process.execPath, ...args]
  const startedAt = performance.now()
  const child = spawn(command, rest, {
    env: { PATH: process.env.PATH, ...environment(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = drain(child)
  // No server outlives the benchmark, however it ends.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  try {
    await firstResponse(child, origin, limitMs)
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`${args.join(' ')} does not respond:\n${output()}`, { cause })
  }
  const { pid = 0 } = child
  return {
    origin,
    pid,
    startMs: performance.now() - startedAt,
    cpuSeconds: () => cpuSeconds(pid),
    residentBytes: () => statusBytes(pid, 'VmRSS'),
    peakResidentBytes: () => statusBytes(pid, 'VmHWM'),
    async kill() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await exited
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = globalThis.setTimeout(() => child.kill('SIGKILL'), timeoutMs)
      await exited
      clearTimeout(timer)
    },
  }
}

/** Reads the server's output, as a log collector would, and returns its last 4,000 characters. */
function drain(child: ChildProcess): () => string {
  let last = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      last = (last + chunk.toString('utf8')).slice(-4000)
    })
  }
  return () => last
}

async function firstResponse(child: ChildProcess, origin: string, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs
  for (;;) {
    try {
      const response = await fetch(`${origin}/health`)
      await response.arrayBuffer()
      if (!response.ok) throw new Error(`GET /health returned ${response.status}`)
      return
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) throw error
      await setTimeout(2)
    }
  }
}

/** The first field is the processor time in nanoseconds: https://docs.kernel.org/scheduler/sched-stats.html */
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
