import type { Base64Image, ImageMimeType } from '../bytes/base64-image.ts'

/** A checked place for an image, relative to the store. Made by `resolve` only. */
export interface SaveTarget {
  /** Folders below the store's own, links resolved. */
  readonly folders: readonly string[]
  readonly fileName: string
}

export interface SavedImage {
  /** Absolute path of the file. */
  path: string
  /** The same, relative to the store, with `/` between folders: what `read` takes. */
  name: string
  /** Bytes of the file. */
  bytes: number
  /** Why the file is not called as asked: its ending did not fit its bytes, or the name was taken. */
  changes: readonly ('extension' | 'taken')[]
}

export interface StoredImage {
  name: string
  path: string
  bytes: number
  /** By the file's ending. */
  mimeType: ImageMimeType
  /** Milliseconds since 1970. */
  modifiedAt: number
}

export interface ImagePage {
  images: StoredImage[]
  /** For the next page; absent on the last. */
  nextCursor?: string
}

/** Where images are kept. All callers share it. */
export interface ImageStore {
  /**
   * Checks an `output_path` and where it leads, links and `..` resolved; makes nothing but the store's own folder. To be
   * called before money is spent. An unwritable store is no reason to reject: the image is then returned without being saved.
   * @throws ServiceError `IMG_ERR_PATH_NAME`, `IMG_ERR_PATH_OUTSIDE`
   */
  resolve(outputPath: string): Promise<SaveTarget>
  /**
   * Writes the image to a new file; nothing that exists is replaced, and no half-written file is ever seen.
   * @throws ServiceError `IMG_ERR_STORE_UNWRITABLE`, `_FULL`, `_MOVED`, `_FAILED`: the image is intact but not saved
   */
  save(target: SaveTarget, image: Base64Image): Promise<SavedImage>
  /** Images, newest first. @throws ServiceError `IMG_ERR_STORE_CURSOR` */
  list(page?: { cursor?: string; limit?: number }): Promise<ImagePage>
  /** A stored image; whoever takes it releases it. @throws ServiceError `IMG_ERR_STORE_MISSING` */
  read(name: string): Promise<Base64Image>
  /** Whether images can be written now. */
  check(): Promise<{ isWritable: boolean; path: string; reason?: string }>
  /** Removes what a killed process left half-written longer ago than this. Returns how many files. */
  removeStale(olderThanMs: number): Promise<number>
}
