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

const MARKER_SOI = 0xd8
const MARKER_EOI = 0xd9
const MARKER_SOS = 0xda
const MARKER_APP1 = 0xe1
const MARKER_APP2 = 0xe2

/** Encoders write about ten; each makes a decoder pass over all pixels. */
const MAX_SCANS = 100

/** Memory of a block in a decoder: 64 coefficients of two bytes. */
const BLOCK_BYTES = 128

interface Frame {
  marker: number
  bitDepth: number
  width: number
  height: number
  /** Horizontal and vertical sampling of each component. */
  sampling: readonly { across: number; down: number }[]
}

class JpegWalk {
  frame: Frame | undefined
  orientation: Orientation | undefined
  scans = 0
  /** Components in the first scan. */
  firstScanComponents = 0
  scanBytes = 0
  isEnded = false
  isBroken = false
  /** The bytes of the first image. */
  readonly ranges = new ImageRanges()
}

/**
 * https://www.w3.org/Graphics/JPEG/itu-t81.pdf B.1: markers, most followed by a length; scans are followed by their data.
 *
 * Phones append a second image (a gain map) or a video behind the first and index it in an APP2 segment "MPF" (CIPA
 * DC-007); some services reject such files. Decoders skip garbage between segments. `firstImage` contains neither.
 */
export function* readJpeg(bytes: Buffer): Walk<ImageHeader | undefined> {
  const walk = new JpegWalk()
  walk.ranges.add(0, 2)
  let at = 2
  for (let step = 1; at < bytes.length && !walk.isEnded && !walk.isBroken; step++) {
    at = yield* nextPart(bytes, at, walk)
    if (step % STEPS_BETWEEN_PAUSES === 0) yield
  }
  return walk.frame === undefined || walk.frame.sampling.length === 0 ? undefined : headerOf(walk, walk.frame)
}

/** Reads one marker and its segment. Returns the position behind it. */
function* nextPart(bytes: Buffer, at: number, walk: JpegWalk): Walk<number> {
  const marker = bytes[at] === 0xff ? bytes[at + 1] : undefined
  if (marker === undefined || marker === 0) {
    const next = bytes.indexOf(0xff, at + 1)
    return next === -1 ? bytes.length : next
  }
  if (marker === 0xff) {
    // Any marker may be preceded by fill bytes.
    walk.ranges.add(at, at + 1)
    return at + 1
  }
  if (marker === MARKER_EOI) walk.isEnded = true
  if (marker === MARKER_EOI || hasNoLength(marker)) {
    walk.ranges.add(at, at + 2)
    return at + 2
  }
  if (at + 4 > bytes.length) return bytes.length
  const end = at + 2 + bytes.readUInt16BE(at + 2)
  walk.isBroken = end < at + 4 || walk.ranges.areTooMany || walk.scans > MAX_SCANS
  if (end > bytes.length || walk.isBroken) return bytes.length
  readSegment(marker, bytes.subarray(at + 4, end), walk)
  if (marker === MARKER_SOS && walk.scans === 0) walk.firstScanComponents = bytes[at + 4] ?? 0
  if (marker === MARKER_APP2 && hasText(bytes, at + 4, 'MPF\0')) return end
  if (marker !== MARKER_SOS) {
    walk.ranges.add(at, end)
    return end
  }
  if (walk.frame === undefined) walk.isBroken = true
  const behind = yield* endOfScan(bytes, end)
  walk.scans++
  walk.scanBytes += behind - end
  walk.ranges.add(at, behind)
  return behind
}

function readSegment(marker: number, data: Buffer, walk: JpegWalk): void {
  // Decoders read metadata up to the first scan.
  if (marker === MARKER_APP1 && walk.scans === 0 && hasText(data, 0, 'Exif\0\0'))
    walk.orientation ??= readExifOrientation(data.subarray(6))
  if (isFrameHeader(marker) && walk.frame === undefined) walk.frame = readFrame(marker, data)
}

function readFrame(marker: number, data: Buffer): Frame | undefined {
  if (data.length < 6) return undefined
  const components = data.readUInt8(5)
  if (data.length < 6 + components * 3) return undefined
  const sampling = Array.from({ length: components }, (_, index) => {
    const factors = data.readUInt8(7 + index * 3)
    return { across: factors >> 4, down: factors & 15 }
  })
  return { marker, bitDepth: data.readUInt8(0), height: data.readUInt16BE(1), width: data.readUInt16BE(3), sampling }
}

/** Scan data ends at the first marker that is neither a stuffed byte nor a restart. */
function* endOfScan(bytes: Buffer, start: number): Walk<number> {
  let at = bytes.indexOf(0xff, start)
  for (let step = 1; at !== -1; step++) {
    const next = bytes[at + 1]
    if (next === undefined) break
    const isData = next === 0 || (next >= 0xd0 && next <= 0xd7)
    if (!isData && next !== 0xff) return at
    at = bytes.indexOf(0xff, at + (isData ? 2 : 1))
    if (step % STEPS_BETWEEN_PAUSES === 0) yield
  }
  return bytes.length
}

function headerOf(walk: JpegWalk, frame: Frame): ImageHeader {
  const { width, height, bitDepth, marker, sampling } = frame
  const orientation = walk.orientation ?? 1
  // In progressive files, and with components in separate scans, coefficients are held until the last scan.
  const isDecodedWhole = isProgressive(marker) || walk.firstScanComponents < sampling.length
  const coefficientBytes = isDecodedWhole ? blocksOf(frame) * BLOCK_BYTES : 0
  const header: ImageHeader = {
    ...plainHeader({ mimeType: 'image/jpeg', width, height }),
    ...(orientation < 5 ? {} : { width: height, height: width }),
    orientation,
    bitDepth,
    channels: sampling.length,
    isCmyk: sampling.length === 4,
    isLossy: true,
    isDecodedWhole,
    decoder: { peakBytes: coefficientBytes, storedBytes: coefficientBytes },
    isUnusual: marker > 0xc2 || (sampling.length !== 1 && sampling.length !== 3),
    firstImage: { ranges: walk.ranges.ranges, lacksEnd: !walk.isEnded },
  }
  const damage = damageOf(walk, frame)
  return damage === undefined ? header : { ...header, damage }
}

function damageOf({ isBroken, isEnded, scans, scanBytes }: JpegWalk, frame: Frame): string | undefined {
  if (isBroken) return tooManyParts
  if (scans === 0) return isEnded ? 'it contains no image data' : cutOff
  return scanBytes * 8 < minBits(frame) ? impossibleClaim : undefined
}

/**
 * The minimum for the image's size. Each block has at least one bit for its mean and, unless the file is progressive, one
 * more for its details. Arithmetic coding has no such bound.
 */
function minBits(frame: Frame): number {
  if (frame.marker > 0xc2) return 0
  return blocksOf(frame) * (isProgressive(frame.marker) ? 1 : 2)
}

/** Blocks of 8 × 8 samples in all components. */
function blocksOf({ width, height, sampling }: Frame): number {
  const across = Math.max(1, ...sampling.map((one) => one.across))
  const down = Math.max(1, ...sampling.map((one) => one.down))
  return sampling.reduce((sum, one) => {
    const share = sampling.length === 1 ? { x: 1, y: 1 } : { x: one.across / across, y: one.down / down }
    return sum + Math.ceil((width * share.x) / 8) * Math.ceil((height * share.y) / 8)
  }, 0)
}

const isProgressive = (marker: number) => marker === 0xc2 || marker === 0xc6 || marker === 0xca || marker === 0xce

const hasNoLength = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= MARKER_SOI)

/** SOF0 to SOF15 without DHT, JPG and DAC, which share their range. */
const isFrameHeader = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
