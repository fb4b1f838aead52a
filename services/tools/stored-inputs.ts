import type { Base64Image, ImageFacts } from '../bytes/base64-image.ts'
import type { BufferPool } from '../bytes/buffer-pool.ts'
import type { CallContext } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import type { Size } from '../imaging/types.ts'
import type { NewImage, NewImageFacts } from '../library/add-images.ts'
import type { ImageStore } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'
import { type NamedImage, readNamed } from '../library/named-images.ts'
import { type ByteBudget, UNRESERVED_BYTES } from '../limits/byte-budget.ts'
import type { ImageReferences } from './image-references.ts'

/** The bytes of a stored image that a call names. */
export interface StoredInput {
  bytes: Buffer
  /** Absent: a file without a record. */
  id?: string
}

export interface StoredInputs {
  /** The file of a stored image in memory, until the call has ended. @throws ServiceError `IMG_ERR_STORE_BUSY`, `IMG_ERR_IMAGE_BYTES` */
  bytesOf(image: Base64Image, context: CallContext): Promise<Buffer>
  /** Whether a text can be a reference to a stored image. */
  isReference(text: string): boolean
  /** Whether a text means the newest image. */
  isLast(text: string): boolean
  /** The size of the image that an argument refers to, from its record or the beginning of its file. @throws as `read` */
  sizeOf(argument: string, reference: string, context: CallContext): Promise<Size>
  /**
   * Reads the image that an argument refers to.
   * @throws ServiceError `IMG_ERR_IMAGE_REFERENCE`, `IMG_ERR_IMAGE_ID`, `IMG_ERR_LIBRARY_LISTING`, `IMG_ERR_STORE_…`, `IMG_ERR_IMAGE_…`
   */
  read(argument: string, reference: string, context: CallContext): Promise<StoredInput>
  /**
   * A reference that means the same image later, when `last` is another one.
   * @throws ServiceError as `read` for an image that does not exist
   */
  pin(argument: string, reference: string, context: CallContext): Promise<string>
  /** Stores an image that a client sent. Returns its id. @throws ServiceError `IMG_ERR_STORE_…` */
  add(bytes: Buffer, facts: ImageFacts, context: CallContext): Promise<string>
}

export interface StoredInputsOptions {
  library: Library
  references: ImageReferences
  store: ImageStore
  pool: BufferPool
  /** Bounds the images of all calls together: a short call can name many large ones. */
  budget: ByteBudget
  /** Of a stored image. */
  maxBytes: number
}

/** For an image that must be stored before its call can go on. */
const STORE_WAIT_MS = 30_000
const BUSY_WAIT_MS = 5000
const MS_PER_SECOND = 1000

export function createStoredInputs(options: StoredInputsOptions): StoredInputs {
  const { library, references, store, pool, budget, maxBytes } = options

  /** Memory for an image until the call has ended. */
  async function allocate(bytes: number, { caller, scope }: CallContext): Promise<Buffer> {
    if (bytes > maxBytes) throw serviceError('IMG_ERR_IMAGE_BYTES', [maxBytes])
    if (bytes > UNRESERVED_BYTES) {
      const reservation = budget.open(caller.rateLimitKey)
      scope.defer(reservation.release)
      if (!(await reservation.grow(bytes))) {
        throw serviceError('IMG_ERR_STORE_BUSY', [BUSY_WAIT_MS / MS_PER_SECOND], { retryAfterMs: BUSY_WAIT_MS })
      }
    }
    return Buffer.allocUnsafe(bytes)
  }

  async function fill(bytes: Buffer, chunks: AsyncIterable<Buffer>): Promise<Buffer> {
    let done = 0
    for await (const chunk of chunks) done += chunk.copy(bytes, done)
    return bytes.subarray(0, done)
  }

  async function bytesOf(image: Base64Image, context: CallContext): Promise<Buffer> {
    return await fill(await allocate(image.bytes, context), image.decoded(pool))
  }

  async function openNamed(names: readonly string[], { access }: CallContext): Promise<NamedImage> {
    const named = await readNamed({ store, library }, names, access)
    if (named === undefined) throw serviceError('IMG_ERR_STORE_MISSING', [])
    return named
  }

  return {
    isReference: references.isReference,
    isLast: references.isLast,
    bytesOf,
    async sizeOf(argument, text, context) {
      const found = await references.find(argument, text, context)
      if ('record' in found) return found.record
      await using image = (await openNamed(found.names, context)).image
      return { width: image.width, height: image.height }
    },
    async read(argument, text, context) {
      const found = await references.find(argument, text, context)
      if ('record' in found) {
        await using file = await library.open(found.record)
        const bytes = await fill(await allocate(file.bytes, context), file.read(0, file.bytes))
        return { bytes, id: found.record.id }
      }
      const named = await openNamed(found.names, context)
      await using image = named.image
      return { bytes: await bytesOf(image, context), ...(named.record && { id: named.record.id }) }
    },
    async pin(argument, text, context) {
      const found = await references.find(argument, text, context)
      return 'record' in found && references.isLast(text) ? found.record.id : text
    },
    async add(bytes, { mimeType, width, height }, { access: { owner } }) {
      const image: NewImage = {
        mimeType,
        width,
        height,
        bytes: bytes.length,
        async *decoded() {
          yield bytes
        },
      }
      const facts = { origin: 'uploaded', owner, parents: [], tags: [] } satisfies NewImageFacts
      const [added] = await library.add([image], facts, undefined, { ms: STORE_WAIT_MS })
      if (added?.record === undefined) throw added?.failure ?? serviceError('IMG_ERR_STORE_FAILED', [])
      return added.record.id
    },
  }
}
