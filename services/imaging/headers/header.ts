import type { ImageFacts } from '../../bytes/base64-image.ts'
import type { Orientation } from './exif-orientation.ts'

/** What the headers of an image say. Width and height are those of the image as it is seen: turned by `orientation`. */
export interface ImageHeader extends ImageFacts {
  /** How the stored pixels must be turned to be seen; 1 is not at all. */
  orientation: Orientation
  /** Bits of a channel. */
  bitDepth: number
  /** Channels of a decoded pixel; a palette is counted as the colours it stands for. */
  channels: number
  /** Frames of an animation; 1 for a still image. Unknown (1) while the header is read from a head only. */
  frames: number
  /** Four inks, as printers use them, instead of red, green and blue. */
  isCmyk: boolean
  hasAlpha: boolean
  /** A PNG whose pixels are stored as red, green, blue and opacity, not through a palette or a transparent colour. */
  isRgba: boolean
  /** Whether pixels were approximated when the file was made, as in a photograph. */
  isLossy: boolean
  /** Whether a decoder needs room for all pixels at once. */
  isDecodedWhole: boolean
  /** Bytes that a decoder allocates for itself. Absent: next to nothing. */
  decoder?: DecoderMemory
  /** Whether the file is coded in a way that few decoders know, though its pixels are plain. */
  isUnusual: boolean
  /** Why the file is known to be cut off or damaged. Absent: nothing wrong was seen. */
  damage?: string
  /** The bytes that make up the first image of a JPEG. */
  firstImage?: FirstImage
  /** What a decoder may see of a file that holds more; starts and ends as in `FirstImage`. */
  decodedRanges?: readonly number[]
}

export interface DecoderMemory {
  /** The most for pixels at a time, while they are decoded. */
  peakBytes: number
  /** The most that a file made to harm can make it take besides; what encoders write takes a small part of it. */
  tableBytes?: number
  /** What is still there while the result is encoded. */
  storedBytes: number
}

export interface FirstImage {
  /** Start and end, start and end…: what must be kept, in order. */
  ranges: readonly number[]
  /** Whether the mark that ends the image is missing, as in a file that was cut off or written carelessly. */
  lacksEnd: boolean
}

/** Ranges of bytes that are kept; a file that alternates what is kept and what is not would make millions. */
const MAX_RANGES = 2000

/** What is kept of a file, in order; neighbours are joined. */
export class ImageRanges {
  /** Start and end, start and end… */
  readonly ranges: number[] = []

  get areTooMany(): boolean {
    return this.ranges.length > MAX_RANGES * 2
  }

  keep(start: number, end: number): void {
    if (this.ranges.at(-1) === start) this.ranges[this.ranges.length - 1] = end
    else this.ranges.push(start, end)
  }
}

/** The same Buffer where all of it is kept; `tail` is put behind the ranges. */
export function bytesOf(bytes: Buffer, ranges: readonly number[], tail?: Buffer): Buffer {
  const [start = 0, end = bytes.length, ...more] = ranges
  if (more.length === 0 && tail === undefined) return end === bytes.length ? bytes : bytes.subarray(start, end)
  const stored: Buffer[] = []
  for (let index = 0; index < ranges.length; index += 2) stored.push(bytes.subarray(ranges[index], ranges[index + 1]))
  return Buffer.concat(tail === undefined ? stored : [...stored, tail])
}

/**
 * A walk over a file's parts that pauses now and then, so that whoever drives it can let others work. Each step moves
 * forward by at least one byte, so time is linear in the bytes given.
 */
export type Walk<T> = Generator<void, T, void>

/** Steps of a walk between two pauses: well below a millisecond of work. */
export const STEPS_BETWEEN_PAUSES = 2048

export const cutOff = 'it ends too early'
export const tooManyParts = 'its parts cannot be told apart'
/** The header claims more than the file can hold. */
export const impossibleClaim = 'it is too short for the size that its header claims'

export function hasText(bytes: Buffer, at: number, text: string): boolean {
  if (bytes.length < at + text.length) return false
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text.charCodeAt(index)) return false
  return true
}

/** A header of a still 8-bit image with nothing unusual about it. */
export function plainHeader({ mimeType, width, height }: ImageFacts): ImageHeader {
  return {
    mimeType,
    width,
    height,
    orientation: 1,
    bitDepth: 8,
    channels: 3,
    frames: 1,
    isCmyk: false,
    hasAlpha: false,
    isRgba: false,
    isLossy: false,
    isDecodedWhole: false,
    isUnusual: false,
  }
}
