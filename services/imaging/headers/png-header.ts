import { type Orientation, readExifOrientation } from './exif-orientation.ts'
import {
  cutOff,
  hasText,
  type ImageHeader,
  ImageRanges,
  impossibleClaim,
  plainHeader,
  STEPS_BETWEEN_PAUSES,
  tooManyParts,
  type Walk,
} from './header.ts'

/** The most that one byte of deflate can encode: a match of 258 bytes takes two bits. https://www.rfc-editor.org/rfc/rfc1951 */
const MAX_DEFLATE_RATIO = 1032

/** Channels by colour type, and the depths each may have. https://www.w3.org/TR/png-3/#11IHDR */
const colourTypes: ReadonlyMap<number, { channels: number; depths: readonly number[] }> = new Map([
  [0, { channels: 1, depths: [1, 2, 4, 8, 16] }],
  [2, { channels: 3, depths: [8, 16] }],
  [3, { channels: 1, depths: [1, 2, 4, 8] }],
  [4, { channels: 2, depths: [8, 16] }],
  [6, { channels: 4, depths: [8, 16] }],
])
const PALETTE = 3

/** What the chunks behind the header declare. */
interface Found {
  dataBytes: number
  /** The first two bytes of the compressed data, which may be spread over chunks. */
  dataHead: number[]
  isEnded: boolean
  hasPalette: boolean
  hasTransparency: boolean
  frames: number
  orientation: Orientation | undefined
  /** All chunks but text. */
  ranges: ImageRanges
}

/** Not passed to decoders, which unpack them although pixels need none: eight kilobytes may become eight megabytes. */
const textChunks: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt'])

/** https://www.w3.org/TR/png-3/ : signature, then chunks of length, type, data, checksum; IHDR first. */
export function* readPng(bytes: Buffer): Walk<ImageHeader | undefined> {
  if (bytes.length < 33 || bytes.readUInt32BE(8) !== 13 || !hasText(bytes, 12, 'IHDR')) return undefined
  const found = yield* walkChunks(bytes)
  const size = { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
  const bitDepth = bytes.readUInt8(24)
  const colourType = bytes.readUInt8(25)
  const isInterlaced = bytes.readUInt8(28) === 1
  const coloured = colourTypes.get(colourType)
  const hasAlpha = colourType === 4 || colourType === 6 || found.hasTransparency
  const colours = colourType === PALETTE || colourType === 2 || colourType === 6 ? 3 : 1
  const orientation = found.orientation ?? 1
  const channels = colours + (hasAlpha ? 1 : 0)
  const decoderBytes = isInterlaced ? size.width * size.height * channels * Math.ceil(bitDepth / 8) : 0
  const header: ImageHeader = {
    ...plainHeader({ mimeType: 'image/png', ...size }),
    ...(orientation < 5 ? {} : { width: size.height, height: size.width }),
    orientation,
    bitDepth,
    channels,
    frames: found.frames,
    hasAlpha,
    isRgba: colourType === 6,
    isDecodedWhole: isInterlaced,
    decoder: { peakBytes: decoderBytes, storedBytes: decoderBytes },
    decodedRanges: found.ranges.ranges,
  }
  const isKnown = coloured?.depths.includes(bitDepth) && hasText(bytes, 26, '\0\0') && bytes.readUInt8(28) <= 1
  if (!isKnown) return { ...header, damage: 'its header is not valid' }
  const bits = bitDepth * (coloured?.channels ?? 1)
  const damage = damageOf(found, colourType, isInterlaced ? interlacedBytes(size, bits) : rowBytes(size, bits))
  return damage === undefined ? header : { ...header, damage }
}

function* walkChunks(bytes: Buffer): Walk<Found> {
  const found: Found = {
    dataBytes: 0,
    dataHead: [],
    isEnded: false,
    hasPalette: false,
    hasTransparency: false,
    frames: 1,
    orientation: undefined,
    ranges: new ImageRanges(),
  }
  found.ranges.add(0, 33)
  let at = 33
  for (let step = 1; at + 12 <= bytes.length && !found.isEnded && !found.ranges.areTooMany; step++) {
    const end = at + 12 + bytes.readUInt32BE(at)
    if (end > bytes.length) break
    const type = bytes.toString('latin1', at + 4, at + 8)
    if (!textChunks.has(type)) found.ranges.add(at, end)
    readChunk(type, bytes.subarray(at + 8, end - 4), found)
    at = end
    if (step % STEPS_BETWEEN_PAUSES === 0) yield
  }
  return found
}

function readChunk(type: string, data: Buffer, found: Found): void {
  if (type === 'IEND') found.isEnded = true
  else if (type === 'PLTE') found.hasPalette = true
  else if (type === 'tRNS') found.hasTransparency = true
  // May precede or follow the image data; the first one that decoders accept counts.
  else if (type === 'eXIf' && (hasText(data, 0, 'II') || hasText(data, 0, 'MM')))
    found.orientation ??= readExifOrientation(data)
  // Makes the file an animation only if it precedes the image data.
  else if (type === 'acTL' && data.length >= 8 && found.dataBytes === 0) found.frames = data.readUInt32BE(0)
  else if (type === 'IDAT') {
    for (const byte of data.subarray(0, 2 - found.dataHead.length)) found.dataHead.push(byte)
    found.dataBytes += data.length
  }
}

function damageOf(found: Found, colourType: number, neededBytes: number): string | undefined {
  if (found.ranges.areTooMany) return tooManyParts
  if (!found.isEnded) return cutOff
  if (found.dataBytes === 0) return 'it contains no image data'
  if (!isZlibHead(found.dataHead)) return 'its image data is not valid deflate data'
  if (colourType === PALETTE && !found.hasPalette) return 'it has no palette'
  return found.dataBytes * MAX_DEFLATE_RATIO < neededBytes ? impossibleClaim : undefined
}

/** https://www.rfc-editor.org/rfc/rfc1950#section-2.2 : deflate with a window of at most 32 KiB and no dictionary. */
function isZlibHead([method = 0, flags = 0]: readonly number[]): boolean {
  return (method & 0x0f) === 8 && method >> 4 <= 7 && (method * 256 + flags) % 31 === 0 && (flags & 0x20) === 0
}

/** Each row begins with its filter type. */
function rowBytes({ width, height }: { width: number; height: number }, bitsPerPixel: number): number {
  return width === 0 ? 0 : height * (1 + Math.ceil((width * bitsPerPixel) / 8))
}

/** The seven passes: first column and row, then the steps. https://www.w3.org/TR/png-3/#8Interlace */
const passes: readonly (readonly [x: number, y: number, dx: number, dy: number])[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
]

function interlacedBytes({ width, height }: { width: number; height: number }, bitsPerPixel: number): number {
  return passes
    .map(([x, y, dx, dy]) => ({
      width: Math.max(0, Math.ceil((width - x) / dx)),
      height: Math.max(0, Math.ceil((height - y) / dy)),
    }))
    .reduce((sum, pass) => sum + rowBytes(pass, bitsPerPixel), 0)
}
