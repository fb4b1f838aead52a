import type { Sharp } from 'sharp'
import { serviceError } from '../errors/errors.ts'
import { isPlain, stillBytes } from './convert.ts'
import { feathered } from './feather.ts'
import { type ImageHeader, plainHeader, type Walk } from './headers/header.ts'
import { type ImageLimits, probeImageInTurns } from './image-probe.ts'
import { type PixelClaim, walkInTurns } from './pixel-claim.ts'
import { freeMemory, type PixelSteps, type PixelWork, type RawPixels, turn, workBytes } from './pixel-work.ts'
import { withProfile } from './png.ts'
import { isSameSize } from './size.ts'
import { type CheckedStrokes, checkWork } from './stroke-shapes.ts'
import { paintStrokes } from './strokes.ts'
import type { Size } from './types.ts'

/** What is kept of an image outside of a mask. */
export interface Keep {
  /** The file of the image, and its header. */
  readonly bytes: Buffer
  readonly header: ImageHeader
  /** Strokes, or the PNG that was sent as the mask: opaque is kept. */
  readonly mask: CheckedStrokes | Buffer
  /** Pixels on both sides of the mask's edge over which one image goes over into the other. */
  readonly feather: number
}

export interface CompositeOptions {
  pixels: PixelWork
  limits: Omit<ImageLimits, 'maxBytes'>
}

/** Lossless, so that the pixels that are kept are the same in every decoder. */
const PNG_COMPRESSION = 4
/** Of the model's image in the size of the original, at a time. */
const STRIP_BYTES = 33_554_432
/** Pixels between two pauses: well below a millisecond. */
const PIXELS_BETWEEN_PAUSES = 32_768
const FULL = 255
/** From 8 to 16 bits: 255 becomes 65,535. */
const DEEP = 257
/** Of models, for an estimate before there is a result. */
const LARGEST_RESULT = { mimeType: 'image/png', width: 4096, height: 2160 } as const

/**
 * The model's image inside the mask and the original outside: an upright PNG of the original's size. Where the mask is 0 its
 * pixels are those of the original, 16-bit channels and the colour profile included; CMYK becomes sRGB. A result of another
 * size is scaled to that of the original.
 * @param result the file of the model's image
 * @throws ServiceError as `probeImage` and `PixelWork.render`
 */
export async function composeImage(
  result: Buffer,
  keep: Keep,
  { pixels, limits }: CompositeOptions,
  claim: PixelClaim,
): Promise<Buffer> {
  const { header } = keep
  const resultLimits = { ...limits, maxBytes: result.length, maxRatio: Number.POSITIVE_INFINITY }
  const resultHeader = await probeImageInTurns(result, resultLimits, claim)
  return await pixels.run(compositeBytes(keep, resultHeader) + result.length, claim, async (steps) => {
    const hasAlpha = header.hasAlpha || resultHeader.hasAlpha
    const profile = await profileOf(keep, steps)
    const { base, memory } = await decodeBase(keep, hasAlpha, profile !== undefined, steps)
    try {
      const coverage = await coverageOf(keep, steps, claim)
      await blendStrips(base, coverage, { bytes: result, header: resultHeader }, profile !== undefined, steps, claim)
      const png = await steps.encode(base, (image) =>
        (isDeep(header) ? image.toColourspace('rgb16') : image).png({ compressionLevel: PNG_COMPRESSION }),
      )
      return profile === undefined ? png : await withProfile(png, profile)
    } finally {
      freeMemory(memory)
    }
  })
}

/**
 * Rejects an image for whose composite there is not enough memory.
 * @throws ServiceError `IMG_ERR_IMAGE_DECODED`
 */
export function checkComposable(header: ImageHeader, feather: number, pixels: PixelWork): void {
  pixels.checkBytes(header, compositeBytes({ header, feather }, plainHeader(LARGEST_RESULT)))
}

/**
 * Rejects a soft edge in which the mask disappears: the composite would look like the original, and would be billed.
 * @throws ServiceError `IMG_ERR_MASK`; as `PixelWork.render`
 */
export async function checkFeather(keep: Keep, pixels: PixelWork, claim: PixelClaim): Promise<void> {
  const { header, feather } = keep
  if (feather === 0) return
  // A mask that is a file is decoded to 4 bytes for each pixel.
  const isStrong = await pixels.run(header.width * header.height * 4, claim, async (steps) => {
    const coverage = await coverageOf(keep, steps, claim)
    return await walkInTurns(hasStrong(coverage), claim)
  })
  if (!isStrong) {
    throw serviceError('IMG_ERR_MASK', [`disappears in a soft edge of ${feather} pixels: send a smaller mask_feather`])
  }
}

/** Whether the model's image is seen anywhere more than the original. */
function* hasStrong(coverage: Uint8Array): Walk<boolean> {
  for (let from = 0; from < coverage.length; from += PIXELS_BETWEEN_PAUSES) {
    if (coverage.subarray(from, from + PIXELS_BETWEEN_PAUSES).some((each) => each > FULL / 2)) return true
    yield
  }
  return false
}

/** Bytes that a composite needs at its peak. */
function compositeBytes({ header, feather }: Pick<Keep, 'header' | 'feather'>, resultHeader: ImageHeader): number {
  const area = header.width * header.height
  const channels = header.hasAlpha || resultHeader.hasAlpha ? 4 : 3
  const base = area * channels * (isDeep(header) ? 2 : 1)
  const strip = Math.min(STRIP_BYTES, area * channels)
  return Math.max(
    base + workBytes(header),
    base + area * (feather > 0 ? 2 : 1) + strip + workBytes(resultHeader),
    // A PNG may be as large as its pixels.
    base * 2 + area / 2,
  )
}

const isDeep = ({ bitDepth }: ImageHeader): boolean => bitDepth > 8

/**
 * The profile in which the pixels stay. The model was sent the same pixels, so that its result is in it too; the rest was
 * converted to sRGB for it.
 */
async function profileOf({ bytes, header }: Keep, steps: PixelSteps): Promise<Buffer | undefined> {
  if (!isPlain(header) && !isDeep(header)) return undefined
  const profile = await steps.profileOf(stillBytes(bytes, header), header)
  // https://www.color.org/specification/ICC.2-2019.pdf §7.2.6: the colour space of the image.
  return profile?.toString('latin1', 16, 20) === 'RGB ' ? profile : undefined
}

async function decodeBase(
  { bytes, header }: Keep,
  hasAlpha: boolean,
  keepsProfile: boolean,
  steps: PixelSteps,
): Promise<{ base: RawPixels; memory: Buffer }> {
  const { width, height } = header
  const channels = hasAlpha ? 4 : 3
  const build = (image: Sharp) => {
    const upright = turn(image, header.orientation).toColourspace(isDeep(header) ? 'rgb16' : 'srgb')
    const plain = hasAlpha ? upright.ensureAlpha() : upright.removeAlpha()
    return (keepsProfile ? plain.keepIccProfile() : plain).raw({ depth: isDeep(header) ? 'ushort' : 'uchar' })
  }
  const { data } = await steps.render(stillBytes(bytes, header), header, build)
  const raw = isDeep(header) ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data
  if (raw.length !== width * height * channels) throw serviceError('IMG_ERR_IMAGE_CONVERSION', [])
  return { base: { data: raw, width, height, channels }, memory: data }
}

async function coverageOf({ header, mask, feather }: Keep, steps: PixelSteps, claim: PixelClaim): Promise<Uint8Array> {
  const coverage = Buffer.isBuffer(mask) ? await openOf(mask, header, steps, claim) : await painted(mask, header, claim)
  return feather === 0 ? coverage : await walkInTurns(feathered(coverage, header, feather), claim)
}

async function painted(strokes: CheckedStrokes, size: Size, claim: PixelClaim): Promise<Uint8Array> {
  checkWork(strokes, size)
  return await walkInTurns(paintStrokes(strokes, size), claim)
}

/** How transparent each pixel of a mask is, which is an upright 8-bit RGBA PNG. */
async function openOf(png: Buffer, size: Size, steps: PixelSteps, claim: PixelClaim): Promise<Uint8Array> {
  const header = { ...plainHeader({ mimeType: 'image/png', ...size }), channels: 4, hasAlpha: true }
  const { data } = await steps.render(png, header, (image) => image.extractChannel('alpha').raw())
  function* invert(): Walk<void> {
    for (let at = 0; at < data.length; at++) {
      data[at] = FULL - (data[at] ?? 0)
      if (at % PIXELS_BETWEEN_PAUSES === 0) yield
    }
  }
  await walkInTurns(invert(), claim)
  return data
}

/**
 * Paints the model's image over the original, some rows at a time.
 * @param keepsProfile its pixels stay in the profile of the original, which it may carry itself
 */
async function blendStrips(
  base: RawPixels,
  coverage: Uint8Array,
  { bytes, header }: { bytes: Buffer; header: ImageHeader },
  keepsProfile: boolean,
  steps: PixelSteps,
  claim: PixelClaim,
): Promise<void> {
  const { width, height, channels } = base
  const [first, end] = await walkInTurns(openRows(coverage, width), claim)
  const rowsOfStrip = Math.max(1, Math.floor(STRIP_BYTES / (width * channels)))
  for (let top = first; top < end; top += rowsOfStrip) {
    const rows = Math.min(rowsOfStrip, end - top)
    const { data } = await steps.render(bytes, header, (image) => {
      const upright = turn(image, header.orientation)
      const scaled = isSameSize(header, base) ? upright : upright.resize({ width, height, fit: 'fill' })
      const strip = scaled.extract({ left: 0, top, width, height: rows }).toColourspace('srgb')
      const plain = channels === 4 ? strip.ensureAlpha() : strip.removeAlpha()
      return (keepsProfile ? plain.keepIccProfile() : plain).raw()
    })
    await walkInTurns(blendRows(base, data, coverage, top, rows), claim)
    freeMemory(data)
  }
}

/** From the first row with anything open to behind the last one. */
function* openRows(coverage: Uint8Array, width: number): Walk<[first: number, end: number]> {
  let first = 0
  let end = coverage.length / width
  const isClosed = (row: number) => !coverage.subarray(row * width, (row + 1) * width).some((each) => each > 0)
  for (; first < end && isClosed(first); first++) yield
  for (; end > first && isClosed(end - 1); end--) yield
  return [first, end]
}

function* blendRows(
  { data, width, channels }: RawPixels,
  strip: Uint8Array,
  coverage: Uint8Array,
  top: number,
  rows: number,
): Walk<void> {
  const blend = channels === 4 ? blendTransparent : blendOpaque
  const scale = data instanceof Uint16Array ? DEEP : 1
  for (let row = 0; row < rows; row++) {
    const start = (top + row) * width
    for (let from = 0; from < width; from += PIXELS_BETWEEN_PAUSES) {
      const end = Math.min(width, from + PIXELS_BETWEEN_PAUSES)
      for (let x = from; x < end; x++) {
        const share = coverage[start + x] ?? 0
        if (share > 0) blend(data, (start + x) * channels, strip, (row * width + x) * channels, share, scale)
      }
      yield
    }
  }
}

/** @param scale of the values of the strip in those of the base */
function blendOpaque(
  base: Uint8Array | Uint16Array,
  at: number,
  strip: Uint8Array,
  from: number,
  share: number,
  scale: number,
): void {
  for (let channel = 0; channel < 3; channel++) {
    const own = base[at + channel] ?? 0
    const other = (strip[from + channel] ?? 0) * scale
    base[at + channel] = share === FULL ? other : Math.round((own * (FULL - share) + other * share) / FULL)
  }
}

/** The colour of a transparent pixel does not count. */
function blendTransparent(
  base: Uint8Array | Uint16Array,
  at: number,
  strip: Uint8Array,
  from: number,
  share: number,
  scale: number,
): void {
  const ownAlpha = (base[at + 3] ?? 0) * (FULL - share)
  const otherAlpha = (strip[from + 3] ?? 0) * scale * share
  const alpha = ownAlpha + otherAlpha
  for (let channel = 0; channel < 3; channel++) {
    const own = base[at + channel] ?? 0
    const other = (strip[from + channel] ?? 0) * scale
    if (share === FULL) base[at + channel] = other
    else if (alpha > 0) base[at + channel] = Math.round((own * ownAlpha + other * otherAlpha) / alpha)
  }
  base[at + 3] = Math.round(alpha / FULL)
}
