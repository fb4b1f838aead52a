import type { Base64Image, ImageMimeType } from '../bytes/base64-image.ts'

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
  /** The system's code of the failure, for the log. */
  reason?: string
  /** What the operator can do about it. */
  hint?: string
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
  save(target: SaveTarget, image: Base64Image): Promise<SavedImage>
  /**
   * Writes the images of one call under one name, each as `save` does: `name.png`, `name-2.png`, … The numbers of a set
   * follow each other, even if two calls save under the same name at once. Never rejects: the results are in the order of
   * the images.
   */
  saveSet(target: SaveTarget, images: readonly Base64Image[]): Promise<PromiseSettledResult<SavedImage>[]>
  /**
   * Lists files that are images by their names, newest first. Every name can be an argument of `read`.
   * @throws ServiceError `IMG_ERR_STORE_CURSOR`, `IMG_ERR_STORE_UNREADABLE`
   */
  list(page?: { cursor?: string; limit?: number }): Promise<ImagePage>
  /** Opens a stored image, which the caller must dispose. @throws ServiceError `IMG_ERR_STORE_MISSING`, `_UNREADABLE` */
  read(name: string): Promise<Base64Image>
  /** Whether images can be written. The result may be a few seconds old. */
  health(): Promise<StoreHealth>
}
