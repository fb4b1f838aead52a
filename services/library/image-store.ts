import type { Base64Image, ImageMimeType } from '../bytes/base64-image.ts'
import type { BufferPool } from '../bytes/buffer-pool.ts'
import { ReportedError } from '../errors/app-error.ts'
import type { ServiceFault } from '../errors/faults.ts'

/** A file to be written. */
export interface FileSource {
  readonly mimeType: string
  /** Bytes of the file. */
  readonly bytes: number
  /**
   * The file in chunks, each valid until the next one is requested. May be called again to repeat a write.
   * @param chunkBytes the size of a chunk at most, above a minimum of the source's own; by default what suits a disk
   */
  decoded(pool: BufferPool, chunkBytes?: number): AsyncIterable<Buffer>
}

/** An image to be written. A `Base64Image` is one. */
export interface ImageSource extends FileSource {
  readonly mimeType: ImageMimeType
}

/** A record to be written. */
export function jsonSource(text: string): FileSource {
  const bytes = Buffer.from(text)
  return {
    mimeType: 'application/json; charset=utf-8',
    bytes: bytes.length,
    async *decoded() {
      yield bytes
    },
  }
}

/** A checked name for a new image. Created by `resolve` only. */
export interface SaveTarget {
  /** Relative to the store, with `/` between folders; links are resolved. */
  readonly name: string
}

export interface SavedImage {
  /** Relative to the store, with `/` between folders: the argument of `read`. */
  name: string
  /** Where operators find the image, for messages: an absolute path or a URL. */
  location: string
  /** Bytes of the file. */
  bytes: number
  /**
   * Why the name differs from the requested one: its extension did not match the content, or the name was taken by a file
   * that does not belong to the same set.
   */
  changes: readonly ('extension' | 'taken')[]
}

export interface StoredImage {
  name: string
  bytes: number
  /** By the name's extension. */
  mimeType: ImageMimeType
  /** Milliseconds since 1970. */
  modifiedAt: number
}

export interface ImagePage {
  images: StoredImage[]
  /** The argument for the next page; absent on the last. */
  nextCursor?: string
}

export interface StoreHealth {
  isWritable: boolean
  /** Whether the disk has no room for an image; absent where it has, or where that is not known. */
  isFull?: true
  /** What is wrong, if images may not be saved. */
  fault?: Extract<ServiceFault, `IMG_ERR_STORE_${string}`>
  /** The system's code of the failure, for the log. */
  reason?: string
  /** What the operator can do about it. */
  hint?: string
}

/** A word for `/ready`. */
export function describeHealth({ isWritable, isFull }: StoreHealth): string {
  if (isFull === true) return 'full'
  return isWritable ? 'writable' : 'unwritable'
}

/**
 * Named images, shared by all callers. Names and locations are the only way to refer to them, so that an implementation
 * may use folders, object storage or a database.
 */
export interface ImageStore {
  /**
   * Checks an `output_path` before money is spent. Does not fail if the store is unwritable: the image is then returned
   * without being saved.
   * @throws ServiceError `IMG_ERR_PATH_NAME`, `IMG_ERR_PATH_OUTSIDE`
   */
  resolve(outputPath: string): Promise<SaveTarget>
  /**
   * Writes a new image atomically. Existing images are never replaced.
   * @throws ServiceError `IMG_ERR_STORE_UNWRITABLE`, `_FULL`, `_MOVED`, `_FAILED`: the image is intact but not saved
   */
  save(target: SaveTarget, image: ImageSource): Promise<SavedImage>
  /**
   * Writes the images of one call under one name, each as `save` does: `name.png`, `name-2.png`, … The numbers of a set
   * follow each other, even if two calls save under the same name at once. Never rejects: the results are in the order of
   * the images.
   * @param signal gives up what has no name yet
   */
  saveSet(
    target: SaveTarget,
    images: readonly ImageSource[],
    signal?: AbortSignal,
  ): Promise<PromiseSettledResult<SavedImage>[]>
  /**
   * Lists files that are images by their names, newest first. Every name can be an argument of `read`.
   * @throws ServiceError `IMG_ERR_STORE_CURSOR`, `IMG_ERR_STORE_UNREADABLE`
   */
  list(page?: { cursor?: string; limit?: number }): Promise<ImagePage>
  /** Opens a stored image, which the caller must dispose. @throws ServiceError `IMG_ERR_STORE_MISSING`, `_UNREADABLE` */
  read(name: string): Promise<Base64Image>
  /** Whether images can be written. The result may be a few seconds old. */
  health(): Promise<StoreHealth>
  /** The files of the library in the same store. */
  readonly files: LibraryFiles
}

/** A stored file, open for reading. Disposing it closes the file. */
export interface StoredFile extends AsyncDisposable {
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly modifiedAt: number
  /** The bytes from `from` to before `to`. @throws Error if the file has become shorter */
  read(from: number, to: number): AsyncIterable<Buffer>
}

export interface StoredEntry {
  name: string
  bytes: number
  /** Milliseconds since 1970. */
  modifiedAt: number
}

/** The folder of everything that the service names itself. Hidden, so that it is never listed as saved images. */
export const LIBRARY_FOLDER = '.library'

/** Bytes of a text that is read: records are a few kilobytes. */
const MAX_TEXT_BYTES = 4_194_304

/** Other programs may have put a file of any length in the place of a record. */
export class TextTooLongError extends ReportedError {
  override name = 'TextTooLongError'
}

/** @throws TextTooLongError */
export function checkTextLength({ bytes }: { bytes: number }): void {
  if (bytes > MAX_TEXT_BYTES) throw new TextTooLongError(`the file has more than ${MAX_TEXT_BYTES} bytes`)
}

/**
 * Files under names that the service chose, relative to the store with `/` between folders: images that no one named,
 * below `LIBRARY_FOLDER`, and the records of all images beside them.
 */
export interface LibraryFiles {
  /**
   * Creates a file. It may be lost with a power failure, and may be incomplete if the process is killed: what has no record
   * does not count. An aborted or failed write leaves no file behind.
   * @throws ServiceError `IMG_ERR_STORE_UNWRITABLE`, `_FULL`, `_FAILED`, also if the file exists, and the signal's reason
   */
  create(name: string, file: FileSource, signal: AbortSignal): Promise<void>
  /** Writes a small file atomically, in place of an earlier one. @throws as `create` */
  writeText(name: string, text: string, signal?: AbortSignal): Promise<void>
  /** Undefined: there is none. @throws TextTooLongError, ServiceError `IMG_ERR_STORE_UNREADABLE` */
  readText(name: string): Promise<string | undefined>
  /** Undefined: there is none. @throws ServiceError `IMG_ERR_STORE_UNREADABLE` */
  open(name: string): Promise<StoredFile | undefined>
  /** Removes a file. Removing one that does not exist succeeds. @throws ServiceError as `create` */
  remove(name: string): Promise<void>
  /** Every file of the store, named images and hidden files included, in no order. @throws ServiceError `IMG_ERR_STORE_UNREADABLE` */
  entries(): AsyncIterable<StoredEntry>
  /** Undefined: the store has no limit, or does not tell. */
  space(): Promise<{ freeBytes: number; totalBytes: number } | undefined>
}
