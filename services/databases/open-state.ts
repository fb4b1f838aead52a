import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { ReportedError } from '../errors/app-error.ts'
import type { Logger } from '../logging/logger.ts'
import { isOnNetwork } from './network-folder.ts'
import type { Migrations, StateDatabase } from './state-database.ts'

export interface OpenStateOptions {
  /** Absolute path of the folder for `state.db`. */
  folder: string
  /** Of a Postgres database that replicas share, with its password. */
  databaseUrl?: string | undefined
  migrations: readonly Migrations[]
}

/**
 * Opens the state database that the configuration chooses.
 * @throws ReportedError if `state.db` would lie on a network, where its locks do not work, or cannot be opened
 */
export async function openState(
  { folder, databaseUrl, migrations }: OpenStateOptions,
  log: Logger,
): Promise<StateDatabase> {
  if (databaseUrl !== undefined) {
    const { openPostgresState } = await import('./postgres-state.ts')
    return openPostgresState({
      url: databaseUrl,
      migrations,
      onError: (err) => log.warn({ err }, 'a connection to the state database broke; the next call opens another'),
    })
  }
  await mkdir(folder, { recursive: true })
  if (await isOnNetwork(folder)) throw new ReportedError(`state.db cannot be on a network (${folder}): ${SET_FOLDER}`)
  const { openSqliteState } = await import('./sqlite-state.ts')
  try {
    return openSqliteState(path.join(folder, 'state.db'), migrations)
  } catch (cause) {
    throw new ReportedError(`state.db cannot be opened in ${folder}: ${SET_FOLDER}`, { cause })
  }
}

const SET_FOLDER = 'set STATE_DIR to a folder of a local disk that can be written, or DATABASE_URL'
