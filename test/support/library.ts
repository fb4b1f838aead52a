import type { TestContext } from 'node:test'
import type { ImageRecord } from '../../schemas/image-record.ts'
import { encodeImage } from '../../services/bytes/base64-image.ts'
import type { LibraryAccess } from '../../services/library/access.ts'
import { newImageId } from '../../services/library/image-id.ts'
import { createLibrary, type Library } from '../../services/library/library.ts'
import { createLocalImageStore } from '../../services/library/local/local-image-store.ts'
import { unnamedLocation } from '../../services/library/locations.ts'
import { openSqliteIndex } from '../../services/library/records/sqlite-index.ts'
import { silent } from './calls.ts'
import { imageRecord } from './image-records.ts'
import { png } from './images/images.ts'

/** A library in a folder, with an index in memory. @param completeUntil of the index */
export function openTestLibrary(t: TestContext, folder: string, completeUntil = Number.POSITIVE_INFINITY) {
  const store = createLocalImageStore({ folder })
  const { index } = openSqliteIndex({ file: '', onEmptied() {} })
  t.after(async () => {
    store.close()
    await index[Symbol.asyncDispose]()
  })
  const library = createLibrary({
    store,
    index,
    completeUntil: () => completeUntil,
    waitMs: 5_000,
    maxReadBytes: 67_108_864,
    log: silent,
  })
  return { store, index, library }
}

/** A caller with credentials. */
export const ownerAccess = (owner: string): LibraryAccess => ({ owner, uses: 'own', canList: true, changes: 'own' })
/** A caller without credentials that is not on this machine. */
export const strangerAccess: LibraryAccess = {
  owner: 'address:192.0.2.1',
  uses: 'all',
  canList: false,
  changes: 'none',
}

/** The record of an image without bytes. */
export function recordOf({ createdAt = Date.now(), ...changes }: Partial<ImageRecord> = {}): ImageRecord {
  const id = newImageId(createdAt)
  return { ...imageRecord(0), id, createdAt, location: unnamedLocation(id, 'image/png'), ...changes }
}

/** Stores an image. @param name its file name; absent: it has none */
export async function addImage(
  { library, store }: { library: Library; store: ReturnType<typeof createLocalImageStore> },
  owner: string,
  { name, prompt = 'a fox', bytes }: { name?: string; prompt?: string; bytes?: Buffer } = {},
): Promise<ImageRecord> {
  const image = encodeImage(bytes ?? (await png()), { mimeType: 'image/png', width: 40, height: 30 })
  const target = name === undefined ? undefined : await store.resolve(name)
  const [added] = await library.add([image], { origin: 'generated', owner, parents: [], tags: [], prompt }, target)
  if (added?.record === undefined) throw new Error('the image was not stored', { cause: added?.failure })
  return added.record
}
