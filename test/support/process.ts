import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { minimalEnvironment } from './app.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

const bin = join(import.meta.dirname, '../../bin/azure-image-editor-mcp.js')

/** The executable as an operator runs it. */
export interface Process {
  child: ChildProcess
  url: string
  /** All of its output. */
  readonly log: string
  /** Resolves with the exit code, or null after a signal. */
  ended: Promise<number | null>
}

export interface Launch {
  /** A command prefix, such as `nsenter … --`. */
  within?: readonly string[]
  /** Script to run instead of the executable. */
  script?: string
}

/** Starts the service as a process and waits until it listens; killed after the test. */
export async function startProcess(
  t: TestContext,
  environment: Record<string, string | undefined>,
  nodeOptions: readonly string[] = [],
  { within = [], script = bin }: Launch = {},
): Promise<Process> {
  const [command = process.execPath, ...args] = [...within, process.execPath, ...nodeOptions, script]
  const child = spawn(command, args, {
    cwd: await temporaryFolder(t),
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      ...minimalEnvironment,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const url = await Promise.race([
    waitFor('the service to listen', () => /listening at (http:\S+?)"/.exec(log)?.[1], { explain: () => log }),
    ended.then(() => Promise.reject(new Error(`the service ended: ${log}`))),
  ])
  return {
    child,
    url,
    get log() {
      return log
    },
    ended,
  }
}
