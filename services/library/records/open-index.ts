import { mkdir, statfs } from 'node:fs/promises'
import path from 'node:path'
import type { Secret } from '../../config/secret.ts'
import type { Logger } from '../../logging/logger.ts'
import { LIBRARY_FOLDER } from '../image-store.ts'
import type { RecordIndex } from './record-index.ts'
import { openSqliteIndex } from './sqlite-index.ts'

export interface OpenIndexOptions {
  /** Absolute path of the images folder. */
  folder: string
  /** Absolute path of the folder for databases; below `folder` by default. */
  stateFolder?: string | undefined
  /** Of a Postgres database that replicas share. */
  databaseUrl?: Secret | undefined
}

export interface OpenedIndex {
  index: RecordIndex
  /** Whether it has to be filled from the records in the store. */
  isEmpty: boolean
  /** Whether no other process can open it. */
  isTemporary: boolean
}

/**
 * Opens the index that the configuration chooses. An index in SQLite that cannot be where it belongs, because the folder is
 * not writable or on a network, is a temporary one.
 *
 * @param onEmptied a damaged index was replaced by an empty one, which has to be filled
 * @throws IndexUnavailableError if `databaseUrl` is not a URL
 */
export async function openRecordIndex(
  { folder, stateFolder = path.join(folder, LIBRARY_FOLDER), databaseUrl }: OpenIndexOptions,
  log: Logger,
  onEmptied: () => void = () => {},
): Promise<OpenedIndex> {
  if (databaseUrl !== undefined) {
    const { openPostgresIndex } = await import('./postgres-index.ts')
    const opened = await openPostgresIndex({
      url: databaseUrl.reveal(),
      onError: (err) => log.warn({ err }, 'a connection to the database of records broke; the next call opens another'),
    })
    return { ...opened, isTemporary: false }
  }
  const reportEmptied = () => {
    log.warn({}, 'the index of images was damaged; it is rebuilt from the records in the store')
    onEmptied()
  }
  const open = (file: string) => openSqliteIndex({ file, onEmptied: reportEmptied })
  try {
    await mkdir(stateFolder, { recursive: true })
    if (!(await isOnNetwork(stateFolder))) return { ...open(path.join(stateFolder, 'index.db')), isTemporary: false }
    log.info(
      { folder: stateFolder },
      `the index of images is temporary, because its folder is on a network; ${SET_FOLDER}`,
    )
  } catch (err) {
    log.warn(
      { err, folder: stateFolder },
      `the index of images is temporary, because it cannot be in its folder; ${SET_FOLDER}`,
    )
  }
  return { ...open(''), isTemporary: true }
}

const SET_FOLDER = 'set STATE_DIR to a folder of a local disk, so that it need not be rebuilt at every start'

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

async function isOnNetwork(folder: string): Promise<boolean> {
  return process.platform === 'linux' && isNetworkType((await statfs(folder)).type)
}
