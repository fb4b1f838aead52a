import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFolder } from '../temporary-folder.ts'

const run = promisify(execFile)

/** A folder on its own small disk, visible only to processes started with `within`. */
export interface MountedFolder {
  /** Its path for processes started with `within`. */
  path: string
  /** Command prefix that enters the mount namespace. */
  within: readonly string[]
  /** The path of a file of the disk for this process. */
  placeOf(path: string): string
  /** Remounts the disk with other options: `ro`, `rw`, `size=…`. */
  remount(options: string): Promise<void>
}

/** Root may mount; other users may in a user namespace, if the system allows one. */
const ways = [['--mount'], ['--user', '--map-root-user', '--mount']]

/**
 * Mounts a tmpfs in a mount namespace. It needs no unmounting: it disappears with its process, which ends with the test or
 * with the pipe to it.
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
    'this test needs to mount a small disk and may not. Run it as root (in a container with the capability ' +
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
      // Naming the source avoids options of the current mount, such as owners of another user namespace.
      const [command = '', ...args] = [...within, 'mount', '-o', `remount,${options}`, 'tmpfs', path]
      await run(command, args)
    },
  }
}
