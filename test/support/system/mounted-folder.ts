import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFolder } from '../app.ts'

const run = promisify(execFile)

/** A folder on a small disk of its own, which only this test and the processes that it starts there can see. */
export interface MountedFolder {
  /** As processes started with `within` know it. */
  path: string
  /** Put before a command, starts it where the disk is mounted. */
  within: readonly string[]
  /** Where this process finds a file of the disk. */
  placeOf(path: string): string
  /** Mounts the disk anew with other options: `ro`, `rw`, `size=…`. */
  remount(options: string): Promise<void>
}

/** Root may mount; others may in a user namespace of their own, where the system lets them have one. */
const ways = [['--mount'], ['--user', '--map-root-user', '--mount']]

/**
 * Mounts a tmpfs in a mount namespace, so that nothing has to be unmounted: it is gone with the process that holds it,
 * which ends with the test, or with the pipe to the test's process.
 */
export async function mountedFolder(t: TestContext, size: string): Promise<MountedFolder> {
  const path = join(await temporaryFolder(t), 'images')
  await mkdir(path)
  const script = `mount -t tmpfs -o size=${size},mode=700 tmpfs "$1" && echo mounted && exec cat`
  const problems: string[] = []
  for (const way of ways) {
    const holder = spawn('unshare', [...way, '--propagation', 'private', 'sh', '-c', script, 'sh', path], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    t.after(() => end(holder))
    const problem = await mountProblem(holder)
    if (problem === undefined) return folderOf(path, holder, way.includes('--user'))
    problems.push(`unshare ${way.join(' ')}: ${problem}`)
  }
  throw new Error(
    'this test mounts a small disk of its own and may not. Run it as root (in a container with the capability ' +
      'SYS_ADMIN), or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu ' +
      `kernel.apparmor_restrict_unprivileged_userns=0). ${problems.join('; ')}`,
  )
}

async function mountProblem(holder: ChildProcess): Promise<string | undefined> {
  let said = ''
  holder.stderr?.on('data', (chunk: Buffer) => (said += chunk))
  const mounted = once(holder.stdout ?? holder, 'data').then(() => undefined)
  const ended = once(holder, 'close').then(() => said.trim() || 'it ended')
  const missing = once(holder, 'error').then(([error]) => String(error))
  return await Promise.race([mounted, ended, missing])
}

async function end(holder: ChildProcess): Promise<void> {
  if (holder.pid === undefined || holder.exitCode !== null || holder.signalCode !== null) return
  holder.kill('SIGKILL')
  await once(holder, 'exit')
}

function folderOf(path: string, { pid }: ChildProcess, hasUser: boolean): MountedFolder {
  const user = hasUser ? ['--user', '--preserve-credentials'] : []
  const within = ['nsenter', '--target', String(pid), ...user, '--mount', '--wd=.', '--']
  return {
    path,
    within,
    placeOf: (file) => `/proc/${pid}/root${file}`,
    async remount(options) {
      // With the source named, nothing is added that is known of the mount: owners of another user namespace, for one.
      const [command = '', ...args] = [...within, 'mount', '-o', `remount,${options}`, 'tmpfs', path]
      await run(command, args)
    },
  }
}
