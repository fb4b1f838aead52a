import { access } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { openState } from '../databases/open-state.ts'
import type { StateDatabase } from '../databases/state-database.ts'
import { LIBRARY_FOLDER } from '../library/image-store.ts'
import type { Logger } from '../logging/logger.ts'
import { migrations } from './state-tables.ts'

/** The state database that the configuration chooses, with all its tables. @throws as `openState` */
export function openStateDatabase(library: Config['library'], log: Logger): Promise<StateDatabase> {
  return openState({ folder: folderOf(library), databaseUrl: library.databaseUrl?.reveal(), migrations }, log)
}

/** The same for a command: undefined where no service has made one. @throws as `openState` */
export async function openExistingState(library: Config['library'], log: Logger): Promise<StateDatabase | undefined> {
  const file = path.join(folderOf(library), 'state.db')
  const isThere = library.databaseUrl !== undefined || (await access(file).then(yes, no))
  return isThere ? await openStateDatabase(library, log) : undefined
}

const folderOf = ({ folder, stateFolder }: Config['library']) => stateFolder ?? path.join(folder, LIBRARY_FOLDER)

const yes = () => true
const no = () => false
