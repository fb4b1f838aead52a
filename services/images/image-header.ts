import type { ImageFacts, ImageMimeType } from './encoded-image.ts'

/**
 * What the headers of a PNG, JPEG, WebP or GIF say. Nothing is decoded; every walk over a file's parts moves forward by
 * at least one byte a step, so time is linear in the bytes given.
 */

export interface ImageHeader extends ImageFacts {
  /** Bits of a channel. */
  bitDepth: number
  /** Frames of an animation; 1 for a still picture. Unknown (1) while the header is read from a head only. */
  frames: number
  /** Four inks, as printers use them, instead of red, green and blue. */
  isCmyk: boolean
  hasAlpha: boolean
  /** Why the file is known to be cut off or damaged. Absent: nothing wrong was seen. */
  damage?: string
}

export const formatNames: Readonly<Record<ImageMimeType, string>> = {
  'image/png': 'PNG',
  'image/jpeg': 'JPEG',
  'image/webp': 'WebP',
  'image/gif': 'GIF',
}

/** The format by signature, from the first 12 bytes. */
export function sniffFormat(bytes: Buffer): ImageMimeType | undefined {
  if (startsWith(bytes, '\x89PNG\r\n\x1a\n')) return 'image/png'
  if (startsWith(bytes, '\xff\xd8\xff')) return 'image/jpeg'
  if (startsWith(bytes, 'GIF87a') || startsWith(bytes, 'GIF89a')) return 'image/gif'
  if (startsWith(bytes, 'RIFF') && hasText(bytes, 8, 'WEBP')) return 'image/webp'
  return undefined
}

/** The header of a whole file, or `undefined` if it stops before its dimensions (or is none of the four formats). */
export function readHeader(bytes: Buffer): ImageHeader | undefined {
  switch (sniffFormat(bytes)) {
    case 'image/png':
      return readPng(bytes)
    case 'image/jpeg':
      return readJpeg(bytes)
    case 'image/webp':
      return readWebp(bytes)
    case 'image/gif':
      return readGif(bytes)
    default:
      return undefined
  }
}

/** https://www.w3.org/TR/png-3/ : signature, then chunks of length, type, data, checksum; IHDR first. */
function readPng(bytes: Buffer): ImageHeader | undefined {
  if (bytes.length < 33 || bytes.readUInt32BE(8) !== 13 || !hasText(bytes, 12, 'IHDR')) return undefined
  const colourType = bytes.readUInt8(25)
  const header: ImageHeader = {
    mimeType: 'image/png',
    width: bytes.readUInt32BE(16),
    height: bytes.readUInt32BE(20),
    bitDepth: bytes.readUInt8(24),
    frames: 1,
    isCmyk: false,
    hasAlpha: colourType === 4 || colourType === 6,
  }
  let seenData = false
  let at = 33
  while (at + 12 <= bytes.length) {
    const end = at + 12 + bytes.readUInt32BE(at)
    if (end > bytes.length) break
    if (hasText(bytes, at + 4, 'IEND')) return seenData ? header : { ...header, damage: 'it holds no picture data' }
    if (hasText(bytes, at + 4, 'IDAT')) seenData = true
    else if (hasText(bytes, at + 4, 'tRNS')) header.hasAlpha = true
    // Only before the picture data does it make the file an animation.
    else if (hasText(bytes, at + 4, 'acTL') && end - at >= 20 && !seenData) header.frames = bytes.readUInt32BE(at + 8)
    at = end
  }
  return { ...header, damage: cutOff }
}

/** https://www.w3.org/Graphics/JPEG/itu-t81.pdf B.1: markers, most followed by a length; the frame header has the size. */
function readJpeg(bytes: Buffer): ImageHeader | undefined {
  let at = 2
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes.readUInt8(at + 1)
    if (marker === 0xff) {
      at++
      continue
    }
    if (hasNoLength(marker)) {
      at += 2
      continue
    }
    const length = bytes.readUInt16BE(at + 2)
    if (length < 2 || marker === markerOfEnd || marker === markerOfScan) return undefined
    if (isFrameHeader(marker)) return readJpegFrame(bytes, at, length)
    at += 2 + length
  }
  return undefined
}

function readJpegFrame(bytes: Buffer, at: number, length: number): ImageHeader | undefined {
  if (length < 8 || at + 10 > bytes.length) return undefined
  const header: ImageHeader = {
    mimeType: 'image/jpeg',
    width: bytes.readUInt16BE(at + 7),
    height: bytes.readUInt16BE(at + 5),
    bitDepth: bytes.readUInt8(at + 4),
    frames: 1,
    isCmyk: bytes.readUInt8(at + 9) === 4,
    hasAlpha: false,
  }
  // An embedded preview has an end mark of its own, but lies before the frame header.
  return bytes.indexOf(endOfJpeg, at + 2 + length) === -1 ? { ...header, damage: cutOff } : header
}

const markerOfEnd = 0xd9
const markerOfScan = 0xda
const endOfJpeg = Buffer.from([0xff, markerOfEnd])

const hasNoLength = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)

/** SOF0 to SOF15 without DHT, JPG and DAC, which share their range. */
const isFrameHeader = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

/** https://developers.google.com/speed/webp/docs/riff_container : RIFF, then VP8, VP8L or VP8X with chunks behind it. */
function readWebp(bytes: Buffer): ImageHeader | undefined {
  if (bytes.length < 30) return undefined
  const header: ImageHeader = {
    mimeType: 'image/webp',
    width: 0,
    height: 0,
    bitDepth: 8,
    frames: 1,
    isCmyk: false,
    hasAlpha: false,
  }
  if (hasText(bytes, 12, 'VP8 ') && hasText(bytes, 23, '\x9d\x01\x2a')) {
    header.width = bytes.readUInt16LE(26) & 0x3fff
    header.height = bytes.readUInt16LE(28) & 0x3fff
  } else if (hasText(bytes, 12, 'VP8L') && bytes[20] === 0x2f) {
    const bits = bytes.readUInt32LE(21)
    header.width = (bits & 0x3fff) + 1
    header.height = ((bits >>> 14) & 0x3fff) + 1
    header.hasAlpha = ((bits >>> 28) & 1) === 1
  } else if (hasText(bytes, 12, 'VP8X')) {
    header.width = bytes.readUIntLE(24, 3) + 1
    header.height = bytes.readUIntLE(27, 3) + 1
    header.hasAlpha = (bytes.readUInt8(20) & 0x10) !== 0
    if ((bytes.readUInt8(20) & 0x02) !== 0) header.frames = countWebpFrames(bytes)
  } else return undefined
  return bytes.length < 8 + bytes.readUInt32LE(4) ? { ...header, damage: cutOff } : header
}

function countWebpFrames(bytes: Buffer): number {
  let frames = 0
  for (let at = 12; at + 8 <= bytes.length; ) {
    if (hasText(bytes, at, 'ANMF')) frames++
    const length = bytes.readUInt32LE(at + 4)
    at += 8 + length + (length & 1)
  }
  return Math.max(frames, 1)
}

/** https://www.w3.org/Graphics/GIF/spec-gif89a.txt : screen size, then blocks made of sub-blocks of at most 255 bytes. */
function readGif(bytes: Buffer): ImageHeader | undefined {
  if (bytes.length < 13) return undefined
  const header: ImageHeader = {
    mimeType: 'image/gif',
    width: bytes.readUInt16LE(6),
    height: bytes.readUInt16LE(8),
    bitDepth: 8,
    frames: 0,
    isCmyk: false,
    hasAlpha: false,
  }
  let at = 13 + colourTableLength(bytes.readUInt8(10))
  while (at < bytes.length) {
    const block = bytes.readUInt8(at)
    if (block === 0x3b) break
    if (block === 0x2c && at + 10 < bytes.length) {
      header.frames++
      at = afterSubBlocks(bytes, at + 11 + colourTableLength(bytes.readUInt8(at + 9)))
    } else if (block === 0x21) {
      if (bytes[at + 1] === 0xf9 && ((bytes[at + 3] ?? 0) & 1) === 1) header.hasAlpha = true
      at = afterSubBlocks(bytes, at + 2)
    } else break
  }
  if (at < bytes.length && bytes[at] === 0x3b && header.frames > 0) return header
  // Decoders show what there is of a GIF without its last byte, so only one without a whole frame is refused.
  if (header.frames > 1 || (header.frames === 1 && at <= bytes.length)) return header
  return { ...header, frames: 1, damage: cutOff }
}

const colourTableLength = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1))

/** Beyond the end of the file if the blocks do not end. */
function afterSubBlocks(bytes: Buffer, start: number): number {
  let at = start
  while (at < bytes.length) {
    const length = bytes.readUInt8(at)
    at += 1 + length
    if (length === 0) return at
  }
  return bytes.length + 1
}

const cutOff = 'it ends too early'

function startsWith(bytes: Buffer, text: string): boolean {
  return hasText(bytes, 0, text)
}

function hasText(bytes: Buffer, at: number, text: string): boolean {
  if (bytes.length < at + text.length) return false
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text.charCodeAt(index)) return false
  return true
}
