import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Redis } from 'ioredis'
import { freePorts } from './free-ports.ts'
import { requireProgram } from './system/processes.ts'
import { waitFor } from './wait-for.ts'

export interface RestartableRedis extends AsyncDisposable {
  url: string
  readonly child: ChildProcess
  /** Sends a command, such as `flushall`. */
  run(command: string, ...args: string[]): Promise<unknown>
  /** Ends it as a crash does. */
  crash(): Promise<void>
  /** Starts it again, with the data that it had on its disk. */
  start(): Promise<void>
}

/** A real Redis from Debian's package, on loopback, with a data folder of its own; by default it stores nothing. */
export async function startRestartableRedis(...options: string[]): Promise<RestartableRedis> {
  await requireProgram('redis-server')
  const [port] = await freePorts(1)
  const folder = await mkdtemp(path.join(tmpdir(), 'azure-image-editor-redis-'))
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...options]
  const launch = () => spawn('redis-server', args, { stdio: 'ignore' })
  const url = `redis://127.0.0.1:${port}`
  let child = launch()

  async function run(command: string, ...values: string[]): Promise<unknown> {
    const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null })
    // The command reports it.
    client.on('error', () => {})
    try {
      return await client.call(command, ...values)
    } finally {
      client.disconnect()
    }
  }
  // Without its password or its memory it answers as well.
  const isUp = () =>
    waitFor('Redis', async () => {
      await run('ping').catch((error: unknown) => {
        if (!(error instanceof Error) || error.name !== 'ReplyError' || error.message.startsWith('LOADING')) throw error
      })
      return true
    })
  async function crash(): Promise<void> {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await exited
  }
  await isUp()
  return {
    url,
    get child() {
      return child
    },
    run,
    crash,
    async start() {
      child = launch()
      await isUp()
    },
    async [Symbol.asyncDispose]() {
      await crash()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
