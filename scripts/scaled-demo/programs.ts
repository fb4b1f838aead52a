import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** Debian's programs and the service as processes of the demo. */

/** A started program; disposed, it is asked to end, and has ended. */
export interface Program extends AsyncDisposable {
  child: ChildProcess
  /** Why it has ended by itself, if it has. */
  failure(): string | undefined
}

/** @param variables all that it gets beside the path: those of a real Azure must not reach the demo */
export function startProgram(
  command: string,
  args: readonly string[],
  cwd: string,
  variables: Readonly<Record<string, string>> = {},
): Program {
  const isService = command === process.execPath
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...variables }
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: ['ignore', isService ? 'inherit' : 'ignore', isService ? 'inherit' : 'pipe'],
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2_000)))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  return {
    child,
    failure: () =>
      hasEnded() ? `${command} ended: ${errors.trim() || (child.exitCode ?? child.signalCode)}` : undefined,
    async [Symbol.asyncDispose]() {
      if (hasEnded()) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

const START_MS = 300_000

/** @throws if the program ends before the address responds */
export async function isUp(url: string, program: Program): Promise<void> {
  const until = performance.now() + START_MS
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    const failure = program.failure()
    if (failure !== undefined) throw new Error(failure)
    if (performance.now() > until) throw new Error(`${url} does not respond`)
    await wait(100)
  }
}

/** The packages of Debian whose programs are not installed. */
export async function missingPackages(): Promise<string[]> {
  const isInstalled = {
    nginx: isOnPath('nginx'),
    'redis-server': isOnPath('redis-server'),
    postgresql: readdir('/usr/lib/postgresql').then(
      (versions) => versions.length > 0,
      () => false,
    ),
    prometheus: isOnPath('prometheus'),
  }
  const found = await Promise.all(Object.entries(isInstalled).map(async ([name, is]) => ((await is) ? [] : [name])))
  return found.flat()
}

async function isOnPath(name: string): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const found = await Promise.allSettled(folders.map((folder) => access(join(folder, name), constants.X_OK)))
  return found.some(({ status }) => status === 'fulfilled')
}
