import type { Sharp } from 'sharp'
import { serviceError } from '../errors/errors.ts'
import type { PreparationClaim } from './convert.ts'
import { type ImageHeader, plainHeader } from './headers/header.ts'
import { type ImageLimits, probeImageInTurns } from './image-probe.ts'
import type { PixelClaim } from './pixel-claim.ts'
import { freeMemory, type PixelWork, turn } from './pixel-work.ts'
import type { Size } from './types.ts'

/** Formats into which an image can be converted. */
export const transformFormats = ['png', 'jpeg', 'webp'] as const
export type TransformFormat = (typeof transformFormats)[number]
type OutputMimeType = `image/${TransformFormat}`

/** Characters of base64 of a preview: clients reject results of about a megabyte, and models pay for every image. */
export const MAX_PREVIEW_ENCODED = 102_400
/** Pixels of the longer edge of a preview. */
export const MAX_PREVIEW_EDGE = 1024

/** Characters of a standard preview. @param limit of the response that has it; 0: none */
export function previewLimit(limit: number): number {
  return limit === 0 ? MAX_PREVIEW_ENCODED : Math.min(limit, MAX_PREVIEW_ENCODED)
}

export interface TransformOptions {
  /** Limits of the image, except for its bytes and its shape. */
  limits: Omit<ImageLimits, 'maxBytes'>
  pixels: PixelWork
}

export interface RenderedImage extends Size {
  bytes: Buffer
  mimeType: OutputMimeType
}

export interface ImageVariant {
  /** Pixels of the longer edge at most. Images are never enlarged. */
  maxEdge?: number | undefined
  /** By default the format of the image, and PNG for a GIF. */
  format?: TransformFormat | undefined
}

export interface PreviewLimits {
  /** Characters of base64; above `MAX_PREVIEW_ENCODED`, the default, the image may have more than `MAX_PREVIEW_EDGE`. */
  maxEncoded?: number
  /** Pixels of the longer edge at most; by default it depends on `maxEncoded`. */
  maxEdge?: number
}

/** From best to worst; below the last one a smaller image looks better than a worse one. */
const PREVIEW_QUALITIES = [82, 70, 58, 46] as const
const MIN_PREVIEW_QUALITY = 46
/** A preview is not made smaller than this to fit its limit. */
const MIN_PREVIEW_EDGE = 32
const QUALITY = 92
const PNG_COMPRESSION = 6
/** https://developers.google.com/speed/webp/faq#what_is_the_maximum_size_a_webp_image_can_be */
const MAX_WEBP_EDGE = 16_383

/**
 * A small image to look at: upright, sRGB, without metadata, and of an animation the first frame. It is a JPEG, or WebP if
 * there is transparency. Its quality is lowered until it fits, then its edge.
 * @param bytes a file, which is checked like an input image
 * @throws ServiceError as `probeImage` and `PixelWork.render`; `IMG_ERR_IMAGE_CONVERTER` if it cannot be made small enough
 */
export async function renderPreview(
  bytes: Buffer,
  options: TransformOptions,
  claim: PixelClaim,
  { maxEncoded = MAX_PREVIEW_ENCODED, maxEdge }: PreviewLimits = {},
): Promise<RenderedImage> {
  const { pixels } = options
  const header = await probe(bytes, options, claim)
  const maxBytes = Math.floor(maxEncoded / 4) * 3
  const size =
    maxEdge === undefined && maxEncoded > MAX_PREVIEW_ENCODED
      ? fitPixels(header, maxBytes)
      : fit(header, maxEdge ?? MAX_PREVIEW_EDGE)
  // Decoded and reduced once, however often it is encoded then.
  const reduce = (image: Sharp) => reduced(image, header, size).png({ compressionLevel: 0 })
  const { data: small } = await pixels.render(bytes, header, claim, reduce)
  try {
    return await fitIntoBytes({ bytes: small, header: smallHeader(header, size) }, maxBytes, pixels, claim)
  } finally {
    freeMemory(small)
  }
}

/**
 * The image with another size or format: upright, sRGB, without metadata. JPEG has white in the place of transparency. The
 * same Buffer if nothing has to be changed: then its Content Credentials are preserved.
 * @param bytes a file, which is checked like an input image
 * @param claim its scope owns the memory of the result
 * @throws ServiceError as `probeImage`, `PixelWork.render` and `PixelWork.retain`
 */
export async function transformImage(
  bytes: Buffer,
  { maxEdge, format }: ImageVariant,
  options: TransformOptions,
  claim: PreparationClaim,
): Promise<RenderedImage> {
  const header = await probe(bytes, options, claim)
  const { mimeType: from, orientation, frames } = header
  const mimeType = format === undefined ? defaultTypeOf(header) : (`image/${format}` as const)
  const formatEdge = mimeType === 'image/webp' ? MAX_WEBP_EDGE : Number.POSITIVE_INFINITY
  const size = fit(header, Math.min(maxEdge ?? formatEdge, formatEdge))
  const isSmaller = size.width !== header.width || size.height !== header.height
  if (from === mimeType && !isSmaller && orientation === 1 && frames === 1) return { bytes, mimeType, ...size }
  const build = (image: Sharp) => encode(reduced(image, header, size), mimeType, QUALITY)
  const { data } = await options.pixels.render(bytes, header, claim, build)
  options.pixels.retain(data, claim.scope)
  return { bytes: data, mimeType, ...size }
}

function probe(bytes: Buffer, { limits }: TransformOptions, claim: PixelClaim): Promise<ImageHeader> {
  return probeImageInTurns(bytes, { ...limits, maxBytes: bytes.length, maxRatio: Number.POSITIVE_INFINITY }, claim)
}

function defaultTypeOf({ mimeType }: ImageHeader): OutputMimeType {
  return mimeType === 'image/jpeg' || mimeType === 'image/webp' ? mimeType : 'image/png'
}

/** The size with a longer edge of at most `maxEdge`. */
function fit({ width, height }: Size, maxEdge: number): Size {
  const scale = Math.min(1, maxEdge / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** A JPEG of good quality takes about a third of a byte per pixel. */
const PIXELS_PER_BYTE = 3
/** A larger preview shows nothing more on a screen. */
const MAX_PREVIEW_PIXELS = 4_194_304

function fitPixels(size: Size, bytes: number): Size {
  const pixels = Math.min(bytes * PIXELS_PER_BYTE, MAX_PREVIEW_PIXELS)
  const scale = Math.sqrt(pixels / (size.width * size.height))
  return fit(size, Math.floor(Math.max(size.width, size.height) * scale))
}

function reduced(image: Sharp, header: ImageHeader, size: Size): Sharp {
  return turn(image, header.orientation)
    .resize({ ...size, fit: 'fill' })
    .toColourspace('srgb')
}

function encode(image: Sharp, mimeType: OutputMimeType, quality: number): Sharp {
  switch (mimeType) {
    case 'image/png':
      return image.png({ compressionLevel: PNG_COMPRESSION })
    case 'image/jpeg':
      return image.flatten({ background: '#ffffff' }).jpeg({ quality })
    case 'image/webp':
      return image.webp({ quality })
  }
}

/** The header of the PNG to which the image was reduced. */
function smallHeader({ hasAlpha }: ImageHeader, size: Size): ImageHeader {
  return { ...plainHeader({ mimeType: 'image/png', ...size }), channels: hasAlpha ? 4 : 3, hasAlpha }
}

/** Quality first, then the edge. */
async function fitIntoBytes(
  { bytes, header }: { bytes: Buffer; header: ImageHeader },
  maxBytes: number,
  pixels: PixelWork,
  claim: PixelClaim,
): Promise<RenderedImage> {
  const mimeType = header.hasAlpha ? 'image/webp' : 'image/jpeg'
  let { width, height } = header
  let step = 0
  for (;;) {
    const size = { width, height }
    const quality = PREVIEW_QUALITIES[step] ?? MIN_PREVIEW_QUALITY
    const build = (image: Sharp) => encode(image.resize({ ...size, fit: 'fill' }), mimeType, quality)
    const { data } = await pixels.render(bytes, header, claim, build)
    if (data.length <= maxBytes) return { bytes: data, mimeType, ...size }
    step++
    if (step >= PREVIEW_QUALITIES.length) {
      const edge = Math.floor(Math.max(width, height) * Math.min(0.9, Math.sqrt(maxBytes / data.length)))
      if (edge < MIN_PREVIEW_EDGE) throw serviceError('IMG_ERR_IMAGE_CONVERTER', [])
      ;({ width, height } = fit(header, edge))
    }
    freeMemory(data)
  }
}
