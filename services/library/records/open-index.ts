import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Secret } from '../../config/secret.ts'
import { isOnNetwork } from '../../databases/network-folder.ts'
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
 * @throws DatabaseUnavailableError if `databaseUrl` is not a URL
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
