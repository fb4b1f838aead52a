import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { temporaryFolder } from '../temporary-folder.ts'

/** Helpers of tests with real programs around the service. */

export const root = join(import.meta.dirname, '../../..')

export const run = promisify(execFile)

/** Fails with instructions if a program is missing. */
export async function requireProgram(name: string, hint = 'run scripts/install-test-packages.sh'): Promise<void> {
  try {
    await run('sh', ['-c', `command -v ${name}`])
  } catch {
    throw new Error(`${name} is not installed: ${hint}`)
  }
}

export interface Program {
  child: ChildProcess
  /** Its output so far. */
  readonly said: string
  ended: Promise<number | null>
}

/** Starts a program; its process group is ended after the test. */
export function startProgram(
  t: TestContext,
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Program {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let said = ''
  const listen = (chunk: Buffer) => {
    said += chunk
  }
  child.stdout.on('data', listen)
  child.stderr.on('data', listen)
  const ended = once(child, 'close').then(([code]) => code)
  t.after(async () => {
    signalGroup(child, 'SIGTERM')
    const hasEnded = await Promise.race([ended.then(() => true), wait(10_000, false, { ref: false })])
    if (!hasEnded) signalGroup(child, 'SIGKILL')
    await ended
  })
  return {
    child,
    ended,
    get said() {
      return said
    },
  }
}

/** Signals the whole process group, as a terminal does on Ctrl-C. */
export function signalGroup({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  process.kill(-pid, signal)
}

/** A temporary copy of the project's files, without what git ignores. */
export async function copyOfTree(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t)
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  for (const file of new Set(stdout.split('\0').filter((name) => name !== ''))) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    // A tracked file may have been deleted in the working tree.
    await cp(join(root, file), join(folder, file)).catch((error) => {
      if (error.code !== 'ENOENT') throw error
    })
  }
  return folder
}

/** The environment of a shell outside this project: no packages on the path, no npm settings. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const stored = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|AZURE_|MCP_)/i.test(name))
  const path = (process.env.PATH ?? '').split(':').filter((entry) => !entry.includes('node_modules'))
  return { ...Object.fromEntries(stored), PATH: path.join(':') }
}

/** A message that calls a tool. */
export function toolCall(name: string, args: object, meta?: object) {
  const params = { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) }
  return { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
}
