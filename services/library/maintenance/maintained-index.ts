import type { ImageRecord } from '../../../schemas/image-record.ts'
import type { Config } from '../../config/config.ts'
import type { Logger } from '../../logging/logger.ts'
import type { LibraryFiles } from '../image-store.ts'
import { openRecordIndex } from '../records/open-index.ts'
import type { RecordIndex } from '../records/record-index.ts'
import { type Maintenance, startMaintenance } from './maintenance.ts'

/** How often other replicas' records are looked for, in milliseconds. */
const IMPORT_EVERY_MS = 600_000

export interface MaintainedIndexOptions {
  library: Config['library']
  files: LibraryFiles
  /** Bytes of the unnamed images, whenever they have been counted. */
  onBytes?: (bytes: number) => void
  /** For each image that retention removes. */
  onRemoved?: (record: ImageRecord) => void
  log: Logger
}

export interface MaintainedIndex extends RecordIndex, Pick<Maintenance, 'completeUntil'> {}

/**
 * Opens the index of records, which from then on is filled and held to the limits of the library in the background.
 * @throws DatabaseUnavailableError if `DATABASE_URL` is not a URL
 */
export async function openMaintainedIndex(options: MaintainedIndexOptions): Promise<MaintainedIndex> {
  const { library, log } = options
  const { index, isEmpty, isTemporary } = await openRecordIndex(library, log, () => maintenance.importSoon())
  const importEveryMs = importIntervalOf(library)
  const isComplete = !isEmpty && !isTemporary && importEveryMs === 0
  const maintenance = startMaintenance({ ...options, index, limits: library, importEveryMs, isComplete })
  return {
    ...maintenance.index,
    completeUntil: maintenance.completeUntil,
    async [Symbol.asyncDispose]() {
      await maintenance[Symbol.asyncDispose]()
      await index[Symbol.asyncDispose]()
    },
  }
}

/** Replicas that share a store but no index find each other's images only by their records; 0 if there are none. */
function importIntervalOf({ isFolderShared, storage, databaseUrl }: Config['library']): number {
  return databaseUrl === undefined && (isFolderShared || storage !== undefined) ? IMPORT_EVERY_MS : 0
}
