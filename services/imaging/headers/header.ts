import type { ImageFacts } from '../../bytes/base64-image.ts'
import type { Orientation } from './exif-orientation.ts'

/** What the headers of an image declare. Width and height are those of the upright image. */
export interface ImageHeader extends ImageFacts {
  orientation: Orientation
  /** Bits per channel. */
  bitDepth: number
  /** Channels of a decoded pixel; a palette counts as its colours. */
  channels: number
  /** Frames of an animation; 1 for a still image. Unknown (1) if only the beginning of the file was read. */
  frames: number
  isCmyk: boolean
  hasAlpha: boolean
  /** A PNG whose pixels are stored as RGBA, without a palette or a transparent colour. */
  isRgba: boolean
  /** Lossy compression, as of a photograph. */
  isLossy: boolean
  /** Whether a decoder holds all pixels at once. */
  isDecodedWhole: boolean
  /** Memory that a decoder allocates for itself; absent if little. */
  decoder?: DecoderMemory
  /** Whether the encoding is one that few decoders support. */
  isUnusual: boolean
  /** Why the file is known to be truncated or damaged. */
  damage?: string
  /** The bytes of a JPEG's first image. */
  firstImage?: FirstImage
  /** The bytes that are passed to the decoder, if not all; starts and ends as in `FirstImage`. */
  decodedRanges?: readonly number[]
}

export interface DecoderMemory {
  /** Peak memory for pixels while decoding. */
  peakBytes: number
  /** Further memory that a malicious file can force; files of ordinary encoders need a small part of it. */
  tableBytes?: number
  /** Memory still allocated while the result is encoded. */
  storedBytes: number
}

export interface FirstImage {
  /** Start and end of each range of bytes, in order. */
  ranges: readonly number[]
  /** Whether the end marker is missing: the file is truncated, or its encoder omitted it. */
  lacksEnd: boolean
}

/** A file that alternates between wanted and unwanted bytes could otherwise cause millions of ranges. */
const MAX_RANGES = 2000

/** Ranges of bytes of a file, in order; adjacent ones are joined. */
export class ImageRanges {
  /** Start and end of each range. */
  readonly ranges: number[] = []

  get areTooMany(): boolean {
    return this.ranges.length > MAX_RANGES * 2
  }

  add(start: number, end: number): void {
    if (this.ranges.at(-1) === start) this.ranges[this.ranges.length - 1] = end
    else this.ranges.push(start, end)
  }
}

/** The bytes of the ranges, then `tail`. The same Buffer if the ranges cover it. */
export function bytesOf(bytes: Buffer, ranges: readonly number[], tail?: Buffer): Buffer {
  const [start = 0, end = bytes.length, ...more] = ranges
  if (more.length === 0 && tail === undefined) return end === bytes.length ? bytes : bytes.subarray(start, end)
  const parts: Buffer[] = []
  for (let index = 0; index < ranges.length; index += 2) parts.push(bytes.subarray(ranges[index], ranges[index + 1]))
  return Buffer.concat(tail === undefined ? parts : [...parts, tail])
}

/**
 * A walk over a file's parts that pauses regularly, so that its driver can yield to the event loop. Each step advances by
 * at least one byte, so the time is linear in the file's size.
 */
export type Walk<T> = Generator<void, T, void>

/** Steps of a walk between two pauses: well below a millisecond of work. */
export const STEPS_BETWEEN_PAUSES = 2048

/** Values of `ImageHeader.damage`, as clauses of an error message. */
export const cutOff = 'it ends too early'
export const tooManyParts = 'it has too many or malformed parts'
export const impossibleClaim = 'it is too short for the size that its header claims'

export function hasText(bytes: Buffer, at: number, text: string): boolean {
  if (bytes.length < at + text.length) return false
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text.charCodeAt(index)) return false
  return true
}

/** Defaults: a still, opaque 8-bit RGB image. */
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
