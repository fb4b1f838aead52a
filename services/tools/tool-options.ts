import type { ImagesClient } from '../azure/types.ts'
import type { ImageConverter } from '../imaging/convert.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import type { Size } from '../imaging/types.ts'
import type { ImageStore } from '../library/image-store.ts'

/** What the tools work with. */
export interface ToolOptions {
  azure: ImagesClient
  store: ImageStore
  /** Shared by conversions, masks and previews. */
  pixels: PixelWork
  converter: ImageConverter
  /** Size of a generated image when the caller names none. */
  defaultSize: Size
  /** Bytes of an image that a caller sends, decoded. */
  maxImageBytes: number
  /** What an image may claim that is decoded or sent. */
  imageLimits: Omit<ImageLimits, 'maxBytes'>
  /** Whether callers are on this machine and may name files on it. */
  readsLocalFiles: boolean
  /** Characters of base64 that one image may take in a response; 0: any number. */
  maxInlineBytes: number
  /** Whether answers say what a call cost. */
  reportCost: boolean
  /** An image has been written to the store. */
  onSaved(): void
  /** Told of every image that should have been written to the images folder and could not. */
  onNotSaved(): void
}
