import type { ImagesClient, Size } from '../azure/types.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { ImageStore } from '../library/image-store.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import type { ImageConverter } from '../imaging/convert.ts'

/** What the tools work with. */
export interface ToolOptions {
  azure: ImagesClient
  store: ImageStore
  /** Shared by conversions, masks and previews. */
  pixels: PixelWork
  converter: ImageConverter
  /** Size of a generated picture when the caller names none. */
  defaultSize: Size
  /** Bytes of a picture that a caller sends, decoded. */
  maxImageBytes: number
  /** What an image may claim that is decoded or sent. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
  /** Whether callers are on this machine and may name files on it. */
  readsLocalFiles: boolean
  /** Characters of base64 that one picture may take in an answer; 0: any number. */
  maxInlineBytes: number
  /** Whether answers say what a call cost. */
  reportCost: boolean
  /** A picture has been written to the store. */
  onSaved(): void
  /** Told of every picture that should have been written to the images folder and could not. */
  onNotSaved(): void
}
