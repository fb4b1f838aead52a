import { readdir, readFile, readlink } from 'node:fs/promises'

/** Processes and their sockets as Linux shows them in /proc. What ends meanwhile is left out. */

/** A process and all that it started, at whatever depth; each as `pid@start`, because numbers are used again. */
export async function processTree(root: number): Promise<string[]> {
  const processes = await allProcesses()
  const found: string[] = []
  let parents = new Set([String(root)])
  while (parents.size > 0) {
    found.push(...processes.filter(({ pid }) => parents.has(pid)).map(({ id }) => id))
    parents = new Set(processes.filter(({ parent }) => parents.has(parent)).map(({ pid }) => pid))
  }
  return found
}

/** Those of the processes that still run. */
export async function stillRunning(ids: readonly string[]): Promise<string[]> {
  const running = new Set((await allProcesses()).map(({ id }) => id))
  return ids.filter((id) => running.has(id))
}

/** Addresses at which the processes listen, in the kernel's hexadecimal form: `0100007F:1F90`. */
export async function listeningAddresses(ids: readonly string[]): Promise<string[]> {
  const sockets = new Set((await Promise.all(ids.map(socketsOf))).flat())
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8')))
  return tables
    .flatMap((table) => table.trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && sockets.has(`socket:[${inode}]`))
    .map(([, local = '']) => local)
}

async function allProcesses(): Promise<{ id: string; pid: string; parent: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return stats.flatMap((stat, n) => {
    // After the name, which may contain anything: state, parent, … start is the 20th.
    const [state, parent = '', ...more] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const pid = pids[n] ?? ''
    return stat === '' || state === 'Z' ? [] : [{ id: `${pid}@${more[17]}`, pid, parent }]
  })
}

async function socketsOf(id: string): Promise<string[]> {
  const folder = `/proc/${id.split('@')[0]}/fd`
  const descriptors = await readdir(folder).catch(() => [])
  return await Promise.all(descriptors.map((name) => readlink(`${folder}/${name}`).catch(() => '')))
}
