import { type Orientation, readExifOrientation } from './exif-orientation.ts'
import {
  cutOff,
  type DecoderMemory,
  hasText,
  type ImageHeader,
  impossibleClaim,
  plainHeader,
  STEPS_BETWEEN_PAUSES,
  tooManyParts,
  type Walk,
} from './header.ts'

const HAS_EXIF = 0x08
const HAS_ALPHA = 0x10
const IS_ANIMATED = 0x02
/** More than a thousand frames need; decoders record each. */
const MAX_CHUNKS = 10_000

/**
 * Lossless data may switch its Huffman codes every 4 × 4 pixels. For each of up to 65,536 sets of codes (of at least 36
 * bits in the file) decoders allocate tables of about this size.
 * https://developers.google.com/speed/webp/docs/webp_lossless_bitstream_specification#62_details
 */
const CODE_SET_BYTES = 5800
const MAX_CODE_SETS = 65_536
const MIN_CODE_SET_BYTES = 4.5
const RGBA_BYTES = 4

interface Found {
  frames: number
  orientation: Orientation
  /** Bytes of the first lossy image; absent if the image is lossless. */
  lossyBytes: number | undefined
  /** Bytes that may be lossless data, such as the transparency of a lossy image. Frames are not inspected. */
  losslessBytes: number
  chunks: number
}

/** https://developers.google.com/speed/webp/docs/riff_container : RIFF, then VP8, VP8L or VP8X with chunks behind it. */
export function* readWebp(bytes: Buffer): Walk<ImageHeader | undefined> {
  if (bytes.length < 30) return undefined
  const size = readSize(bytes)
  if (size === undefined) return undefined
  const flags = hasText(bytes, 12, 'VP8X') ? bytes.readUInt8(20) : 0
  const found = yield* walkChunks(bytes, flags)
  const isAnimated = (flags & IS_ANIMATED) !== 0
  const header: ImageHeader = {
    ...plainHeader({ mimeType: 'image/webp', width: size.width, height: size.height }),
    ...(found.orientation < 5 ? {} : { width: size.height, height: size.width }),
    orientation: found.orientation,
    channels: size.hasAlpha || isAnimated ? 4 : 3,
    hasAlpha: size.hasAlpha,
    frames: isAnimated ? Math.max(found.frames, 1) : 1,
    isLossy: found.lossyBytes !== undefined,
    isDecodedWhole: true,
    decoder: decoderMemory(size, found.losslessBytes),
  }
  if (found.chunks > MAX_CHUNKS) return { ...header, damage: tooManyParts }
  if (bytes.length < 8 + bytes.readUInt32LE(4)) return { ...header, damage: cutOff }
  // Lossless data may need no bits for a pixel; lossy data needs at least one per block of 16 × 16.
  const minBits = isAnimated || found.lossyBytes === undefined ? 0 : Math.ceil((size.width * size.height) / 256)
  return (found.lossyBytes ?? 0) * 8 < minBits ? { ...header, damage: impossibleClaim } : header
}

/** Decoders unpack RGBA and copy it, whether there is transparency or not. */
function decoderMemory({ width, height }: { width: number; height: number }, losslessBytes: number): DecoderMemory {
  const storedBytes = width * height * RGBA_BYTES
  const tiles = Math.ceil(width / 4) * Math.ceil(height / 4)
  const codeSets = Math.min(MAX_CODE_SETS, tiles, Math.ceil(losslessBytes / MIN_CODE_SET_BYTES))
  return { peakBytes: storedBytes * 2, tableBytes: codeSets * CODE_SET_BYTES, storedBytes }
}

function readSize(bytes: Buffer): { width: number; height: number; hasAlpha: boolean } | undefined {
  if (hasText(bytes, 12, 'VP8 ') && hasText(bytes, 23, '\x9d\x01\x2a')) {
    return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff, hasAlpha: false }
  }
  if (hasText(bytes, 12, 'VP8L') && bytes[20] === 0x2f) {
    const bits = bytes.readUInt32LE(21)
    return {
      width: (bits & 0x3fff) + 1,
      height: ((bits >>> 14) & 0x3fff) + 1,
      hasAlpha: ((bits >>> 28) & 1) === 1,
    }
  }
  if (!hasText(bytes, 12, 'VP8X')) return undefined
  return {
    width: bytes.readUIntLE(24, 3) + 1,
    height: bytes.readUIntLE(27, 3) + 1,
    hasAlpha: (bytes.readUInt8(20) & HAS_ALPHA) !== 0,
  }
}

function* walkChunks(bytes: Buffer, flags: number): Walk<Found> {
  const found: Found = { frames: 0, orientation: 1, lossyBytes: undefined, losslessBytes: 0, chunks: 0 }
  let isImageSeen = false
  let isExifSeen = false
  let at = 12
  for (let step = 1; at + 8 <= bytes.length && found.chunks <= MAX_CHUNKS; step++) {
    const length = bytes.readUInt32LE(at + 4)
    found.chunks++
    const isFrame = hasText(bytes, at, 'ANMF')
    if (isFrame) found.frames++
    if (isFrame || hasText(bytes, at, 'VP8L') || hasText(bytes, at, 'ALPH')) {
      found.losslessBytes = Math.max(found.losslessBytes, Math.min(length, bytes.length - at - 8))
    }
    if (hasText(bytes, at, 'EXIF') && (flags & HAS_EXIF) !== 0 && !isExifSeen) {
      isExifSeen = true
      found.orientation = readOrientation(bytes.subarray(at + 8, at + 8 + length))
    } else if (!isImageSeen && (hasText(bytes, at, 'VP8 ') || hasText(bytes, at, 'VP8L'))) {
      isImageSeen = true
      if (hasText(bytes, at, 'VP8 ')) found.lossyBytes = Math.min(length, bytes.length - at - 8)
    }
    at += 8 + length + (length & 1)
    if (step % STEPS_BETWEEN_PAUSES === 0) yield
  }
  return found
}

/** Some writers add the prefix of a JPEG segment. */
function readOrientation(exif: Buffer): Orientation {
  return readExifOrientation(hasText(exif, 0, 'Exif\0\0') ? exif.subarray(6) : exif)
}
