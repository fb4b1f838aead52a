import { statfs } from 'node:fs/promises'

/**
 * File systems that other machines write, or that a program answers: locks and shared memory do not work, or not everywhere.
 * https://man7.org/linux/man-pages/man2/statfs.2.html
 */
const NETWORK_TYPES: ReadonlySet<number> = new Set([
  ...[0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997, 0x00c36400, 0x5346414f, 0x73757245, 0x0bd00bd0],
  ...[0x47504653, 0x7461636f, 0x01161970, 0x786f4256, 0xbacbacbc, 0x7c7c6673, 0x6a656a63, 0x564c],
])

/** Whether a file system of this type, as `statfs` names it on Linux, is on a network or in user space. */
export function isNetworkType(type: number): boolean {
  return NETWORK_TYPES.has(type >>> 0)
}

/** Whether SQLite cannot keep a write-ahead log in a folder. */
export async function isOnNetwork(folder: string): Promise<boolean> {
  return process.platform === 'linux' && isNetworkType((await statfs(folder)).type)
}
