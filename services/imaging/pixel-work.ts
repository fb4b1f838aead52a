import type { OutputInfo, Sharp } from 'sharp'
import { serviceError } from '../errors/errors.ts'
import { isSideways, type Orientation } from './headers/exif-orientation.ts'
import { bytesOf, type ImageHeader } from './headers/header.ts'
import { createPixelBudget } from './pixel-budget.ts'
import { checkClaim, type PixelClaim } from './pixel-claim.ts'
import type { Size } from './types.ts'

export interface PixelWorkOptions {
  /** Bytes of decoded pixels of all jobs together. */
  maxDecodedBytes: number
  /** Jobs that run at a time; others are queued. 2 by default. */
  slots?: number
}

export interface RenderOptions {
  /** Bytes that the result needs beside the decoded image, if significant. */
  extraBytes?: number
  /** What the decoder treats as an error; a truncated file by default. */
  failOn?: 'truncated' | 'warning'
}

export interface Rendered {
  data: Buffer
  info: OutputInfo
}

/** Pixels without a format, in rows; 16 bits per channel in a `Uint16Array`. */
export interface RawPixels {
  data: Uint8Array | Uint16Array
  width: number
  height: number
  channels: 3 | 4
}

/** What a job of several steps may do. Each step has its own time limit. @throws ServiceError as `PixelWork.render` */
export interface PixelSteps {
  render(bytes: Buffer, header: ImageHeader, build: (image: Sharp) => Sharp): Promise<Rendered>
  encode(raw: RawPixels, build: (image: Sharp) => Sharp): Promise<Buffer>
  /** The colour profile that the image carries. */
  profileOf(bytes: Buffer, header: ImageHeader): Promise<Buffer | undefined>
}

/**
 * The only place where pixels are decoded, drawn and encoded. The memory of an image is estimated from its header before
 * it is decoded. All jobs share one memory budget and a few slots, and have a time limit. libvips runs on its own threads.
 */
export interface PixelWork {
  /**
   * Decodes a probed image, transforms it with `build` and encodes the result. A decoder cannot be interrupted: after a
   * disconnect the job runs on (20 s at most), occupies its slot and its input until then, and its result is dropped.
   * @throws ServiceError `IMG_ERR_IMAGE_DECODED`, `_CONVERSION`, `_CONVERSION_SLOW`, `_CONVERTER`, `IMG_ERR_CANCELLED`,
   * `IMG_ERR_AZURE_NOT_SENT`
   */
  render(
    bytes: Buffer,
    header: ImageHeader,
    claim: PixelClaim,
    build: (image: Sharp) => Sharp,
    options?: RenderOptions,
  ): Promise<Rendered>
  /**
   * Runs a loop in a slot. It must call `checkClaim` every 10 ms and use little memory.
   * @throws ServiceError `IMG_ERR_CANCELLED`, `IMG_ERR_AZURE_NOT_SENT`
   */
  paint<T>(claim: PixelClaim, work: () => Promise<T>): Promise<T>
  /**
   * Runs a job of several steps, without waiting between them.
   * @param bytes that it needs at a time; one that needs more than all jobs may have runs alone
   * @throws ServiceError `IMG_ERR_CANCELLED`, `IMG_ERR_AZURE_NOT_SENT`
   */
  run<T>(bytes: number, claim: PixelClaim, work: (steps: PixelSteps) => Promise<T>): Promise<T>
  /** @throws ServiceError `IMG_ERR_IMAGE_DECODED` for an image that needs more bytes than all jobs may have */
  checkBytes(image: Size, bytes: number): void
  /**
   * Counts a converted image until the scope ends, and frees its memory then. All retained images together are limited to
   * a quarter of the budget, unless there is only one. Queueing beyond it could deadlock, so the image is rejected.
   * @throws ServiceError `IMG_ERR_IMAGE_BUSY`
   */
  retain(data: Buffer, scope: DisposableStack): void
}

const MAX_WORK_MS = 20_000
const MS_PER_SECOND = 1000
const DEFAULT_SLOTS = 2
/** Memory of a decoder that holds the whole image, relative to its pixels: its own copy, and the copy it returns. */
const WHOLE_IMAGE_FACTOR = 2.5
/** Noise needs 2.0 at the quality of `convert`. */
const JPEG_BYTES_PER_PIXEL = 2.5
/** Measured: rows of 16,384 pixels of 16-bit RGBA take 50 MiB. */
const ROWS_IN_FLIGHT = 384
const BUSY_WAIT_MS = 5000

export function createPixelWork({ maxDecodedBytes, slots = DEFAULT_SLOTS }: PixelWorkOptions): PixelWork {
  const budget = createPixelBudget({ maxBytes: maxDecodedBytes, sharedBytes: maxDecodedBytes / 2, slots })

  function checkBytes({ width, height }: Size, bytes: number): void {
    if (bytes > maxDecodedBytes) throw serviceError('IMG_ERR_IMAGE_DECODED', [width, height, bytes, maxDecodedBytes])
  }

  return {
    checkBytes,
    async render(bytes, header, claim, build, { extraBytes = 0, failOn = 'truncated' } = {}) {
      checkBytes(header, decodedBytes(header) + extraBytes)
      // A job that may need more than the whole budget runs alone.
      return await budget.run(Math.min(workBytes(header) + extraBytes, maxDecodedBytes), claim, async () => {
        const rendered = await decode(bytes, header, claim, build, failOn)
        checkClaim(claim)
        return rendered
      })
    },
    paint: (claim, work) => budget.run(0, claim, work),
    run: (bytes, claim, work) =>
      budget.run(Math.min(bytes, maxDecodedBytes), claim, () =>
        work({
          render: (file, header, build) => decode(file, header, claim, build, 'truncated'),
          encode: async ({ data, ...raw }, build) => {
            const sharp = await loadSharp()
            return (await finish(build(sharp(data, { raw })), claim)).data
          },
          async profileOf(file, header) {
            const sharp = await loadSharp()
            return (await sharp(bytesOf(file, header.decodedRanges ?? []), { pages: 1 }).metadata()).icc
          },
        }),
      ),
    retain(data, scope) {
      if (budget.retainedBytes > 0 && budget.retainedBytes + data.length > maxDecodedBytes / 4) {
        freeMemory(data)
        throw serviceError('IMG_ERR_IMAGE_BUSY', [BUSY_WAIT_MS / MS_PER_SECOND], { retryAfterMs: BUSY_WAIT_MS })
      }
      const release = budget.retain(data.length)
      scope.defer(() => {
        freeMemory(data)
        release()
      })
    },
  }
}

/**
 * Bytes that an image needs while it is decoded, rotated and encoded: at least its pixels, and more if the whole image is
 * buffered, if the decoder is known to need more, or if the result may be as large as the pixels.
 */
export function decodedBytes(header: ImageHeader): number {
  const { width, height, channels, bitDepth, isDecodedWhole, isLossy, orientation, hasAlpha } = header
  const { peakBytes, storedBytes } = header.decoder ?? { peakBytes: 0, storedBytes: 0 }
  const isRotated = orientation !== 1
  const pixelBytes = width * height * channels * (bitDepth > 8 ? 2 : 1)
  const resultBytes = width * height * (hasAlpha ? 4 : isLossy ? JPEG_BYTES_PER_PIXEL : 3)
  return Math.max(
    isDecodedWhole || isRotated ? Math.ceil(pixelBytes * WHOLE_IMAGE_FACTOR) : pixelBytes,
    peakBytes,
    isRotated ? storedBytes + pixelBytes : 0,
    // A rotated image was copied, so its decoder's memory is free before it is encoded.
    (isRotated ? pixelBytes : storedBytes) + resultBytes,
  )
}

/** Bytes reserved for a job: `decodedBytes`, decoder tables and buffered rows. */
export function workBytes(header: ImageHeader): number {
  const { peakBytes, tableBytes = 0 } = header.decoder ?? { peakBytes: 0 }
  return Math.max(decodedBytes(header), peakBytes + tableBytes) + rowBytes(header)
}

/** Rows buffered between the steps from decoder to encoder. */
function rowBytes({ width, height, channels, bitDepth, orientation }: ImageHeader): number {
  const [across, down] = isSideways(orientation) ? [height, width] : [width, height]
  return across * channels * (bitDepth > 8 ? 2 : 1) * Math.min(down, ROWS_IN_FLIGHT)
}

async function decode(
  bytes: Buffer,
  { width, height, decodedRanges = [] }: ImageHeader,
  claim: PixelClaim,
  build: (image: Sharp) => Sharp,
  failOn: 'truncated' | 'warning',
): Promise<Rendered> {
  const sharp = await loadSharp()
  // A decoder that finds a larger size than the header claimed stops.
  const source = sharp(bytesOf(bytes, decodedRanges), {
    limitInputPixels: width * height,
    limitInputChannels: 4,
    pages: 1,
    failOn,
  })
  return await finish(build(source), claim)
}

async function finish(image: Sharp, claim: PixelClaim): Promise<Rendered> {
  const leftMs = Math.min(MAX_WORK_MS, claim.deadlineAt - performance.now())
  // libvips counts whole seconds, and treats 0 as no limit.
  const seconds = Math.max(1, Math.floor(leftMs / MS_PER_SECOND))
  try {
    return await image.timeout({ seconds }).toBuffer({ resolveWithObject: true })
  } catch (cause) {
    checkClaim(claim)
    const isSlow = cause instanceof Error && /timeout/i.test(cause.message)
    throw serviceError(isSlow ? 'IMG_ERR_IMAGE_CONVERSION_SLOW' : 'IMG_ERR_IMAGE_CONVERSION', [], { cause })
  }
}

/** Loaded at the first use: most images are not converted, and the library needs time and memory. */
async function loadSharp() {
  try {
    const { default: sharp } = await import('sharp')
    // No image is decoded twice, so a cache would waste memory. One thread per image leaves cores for other jobs.
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  } catch (cause) {
    throw serviceError('IMG_ERR_IMAGE_CONVERTER', [], { cause })
  }
}

/** Frees memory of libvips at once: the garbage collector does not see its size, so it would run late. */
export function freeMemory({ buffer, length }: Buffer): void {
  // A Buffer that shares its memory with others is not freed.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}

/**
 * Applies the EXIF orientation. sharp mirrors before it rotates, whatever the order of the calls.
 * https://sharp.pixelplumbing.com/api-operation/#flip
 */
export function turn(image: Sharp, orientation: Orientation): Sharp {
  const mirrored = orientation === 2 || orientation === 5 || orientation === 7 ? image.flop() : image
  if (orientation === 4) return mirrored.flip()
  if (orientation === 3) return mirrored.rotate(180)
  if (!isSideways(orientation)) return mirrored
  return mirrored.rotate(orientation === 6 || orientation === 7 ? 90 : 270)
}
