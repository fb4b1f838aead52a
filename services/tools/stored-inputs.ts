import type { BufferPool } from '../bytes/buffer-pool.ts'
import type { CallContext } from '../calls/types.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import type { LibraryAccess } from '../library/access.ts'
import type { ImageStore, StoredFile } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'
import { readNamed } from '../library/named-images.ts'
import { readBytes } from '../library/stored-image.ts'
import type { ImageReferences } from './image-references.ts'

/** The bytes of a stored image that a call names. */
export interface StoredInput {
  bytes: Buffer
  /** Absent: a file without a record. */
  id?: string
}

export interface StoredInputs {
  /**
   * Reads the image that an argument refers to.
   * @throws ServiceError `IMG_ERR_IMAGE_REFERENCE`, `IMG_ERR_IMAGE_ID`, `IMG_ERR_LIBRARY_LISTING`, `IMG_ERR_IMAGE_…`
   */
  read(argument: string, reference: string, context: CallContext): Promise<StoredInput>
}

export interface StoredInputsOptions {
  library: Library
  references: ImageReferences
  store: ImageStore
  pool: BufferPool
  /** Of an image, decoded. */
  maxBytes: number
}

export function createStoredInputs({ library, references, store, pool, maxBytes }: StoredInputsOptions): StoredInputs {
  /** An image under a name that the client chose. */
  async function readName(name: string, access: LibraryAccess): Promise<StoredInput | undefined> {
    const found = await readNamed({ store, library }, name, access).catch((error: unknown) => {
      if (error instanceof ServiceError && error.family === 'input') return undefined
      throw error
    })
    if (found === undefined) return undefined
    await using image = found.image
    if (image.bytes > maxBytes) throw serviceError('IMG_ERR_IMAGE_BYTES', [maxBytes])
    const bytes = Buffer.allocUnsafe(image.bytes)
    let done = 0
    for await (const chunk of image.decoded(pool)) done += chunk.copy(bytes, done)
    return { bytes, ...(found.record && { id: found.record.id }) }
  }

  async function readFile(file: StoredFile): Promise<Buffer> {
    await using open = file
    if (open.bytes > maxBytes) throw serviceError('IMG_ERR_IMAGE_BYTES', [maxBytes])
    return await readBytes(open, open.bytes)
  }

  return {
    async read(argument, text, context) {
      const found = await references.find(argument, text, context)
      if ('record' in found) return { bytes: await readFile(await library.open(found.record)), id: found.record.id }
      for (const name of found.names) {
        const input = await readName(name, context.access)
        if (input !== undefined) return input
      }
      throw serviceError('IMG_ERR_STORE_MISSING', [])
    },
  }
}
