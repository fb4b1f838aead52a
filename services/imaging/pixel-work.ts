import type { OutputInfo, Sharp } from 'sharp'
import { serviceError } from '../errors/errors.ts'
import { isSideways, type Orientation } from './headers/exif-orientation.ts'
import { bytesOf, type ImageHeader } from './headers/header.ts'
import { createPixelBudget } from './pixel-budget.ts'
import { checkClaim, type PixelClaim } from './pixel-claim.ts'

export interface PixelWorkOptions {
  /** Bytes of decoded pixels that all work may take together. */
  maxDecodedBytes: number
  /** Pieces of work at a time; the others wait. 2 by default. */
  slots?: number
}

export interface RenderOptions {
  /** Bytes that the result takes besides the decoded image, where that is much. */
  extraBytes?: number
  /** What the decoder takes for a failure; a file that stops too early by default. */
  failOn?: 'truncated' | 'warning'
}

export interface Rendered {
  data: Buffer
  info: OutputInfo
}

/**
 * The one place where pixels are decoded, made and encoded. What an image claims is weighed before a decoder sees it; all
 * work shares one budget of memory and a few slots, and is bounded in time. libvips runs on threads of its own.
 */
export interface PixelWork {
  /**
   * Decodes a probed image and encodes what `build` makes of it. A decoder cannot be interrupted, so the work of a caller
   * that disconnected runs on (20 s at most), keeps its slot and its input until then, and its result is given up.
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
   * Lets a loop of ours work in a slot. It has to call `checkClaim` every 10 ms and needs next to no memory.
   * @throws ServiceError `IMG_ERR_CANCELLED`, `IMG_ERR_AZURE_NOT_SENT`
   */
  paint<T>(claim: PixelClaim, work: () => Promise<T>): Promise<T>
  /**
   * Counts a converted image that waits for Azure, and frees its memory when the scope ends. All of them together take at
   * most a quarter of the budget, a single one excepted; waiting for each other they would never end, so what is beyond is
   * rejected.
   * @throws ServiceError `IMG_ERR_IMAGE_BUSY`
   */
  retain(data: Buffer, scope: DisposableStack): void
}

const MAX_WORK_MS = 20_000
const MS_PER_SECOND = 1000
const DEFAULT_SLOTS = 2
/** What a decoder needs that has to have the image whole: its own copy, and the copy that goes on. */
const WHOLE_IMAGE_FACTOR = 2.5
/** Noise takes 2.0 at the quality that photographs are sent with. */
const JPEG_BYTES_OF_PIXEL = 2.5
/** Measured: 16,384 pixels of 16-bit red, green, blue and opacity take 50 MiB. */
const ROWS_UNDER_WAY = 384
const BUSY_WAIT_MS = 5000

export function createPixelWork({ maxDecodedBytes, slots = DEFAULT_SLOTS }: PixelWorkOptions): PixelWork {
  const budget = createPixelBudget({ maxBytes: maxDecodedBytes, sharedBytes: maxDecodedBytes / 2, slots })
  return {
    async render(bytes, header, claim, build, { extraBytes = 0, failOn = 'truncated' } = {}) {
      const { width, height } = header
      const needed = decodedBytes(header) + extraBytes
      if (needed > maxDecodedBytes) {
        throw serviceError('IMG_ERR_IMAGE_DECODED', [width, height, needed, maxDecodedBytes])
      }
      // What may take more than all there is works alone.
      return await budget.run(Math.min(workBytes(header) + extraBytes, maxDecodedBytes), claim, async () => {
        const rendered = await decode(bytes, header, claim, build, failOn)
        checkClaim(claim)
        return rendered
      })
    },
    paint: (claim, work) => budget.run(0, claim, work),
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
 * Bytes that an image takes while it is decoded, turned and encoded. At least width times height, channels and bytes of a
 * channel, and more where it is needed whole; more than that where its decoder is known to take more, or where the result
 * may be as large as its pixels.
 */
export function decodedBytes(header: ImageHeader): number {
  const { width, height, channels, bitDepth, isDecodedWhole, isLossy, orientation, hasAlpha } = header
  const { peakBytes, storedBytes } = header.decoder ?? { peakBytes: 0, storedBytes: 0 }
  const isTurned = orientation !== 1
  const pixelBytes = width * height * channels * (bitDepth > 8 ? 2 : 1)
  const resultBytes = width * height * (hasAlpha ? 4 : isLossy ? JPEG_BYTES_OF_PIXEL : 3)
  return Math.max(
    isDecodedWhole || isTurned ? Math.ceil(pixelBytes * WHOLE_IMAGE_FACTOR) : pixelBytes,
    peakBytes,
    isTurned ? storedBytes + pixelBytes : 0,
    // What was turned was copied whole, and its decoder is gone by then.
    (isTurned ? pixelBytes : storedBytes) + resultBytes,
  )
}

/** What is set aside for the work: that, and what is around the pixels. */
export function workBytes(header: ImageHeader): number {
  const { peakBytes, tableBytes = 0 } = header.decoder ?? { peakBytes: 0 }
  return Math.max(decodedBytes(header), peakBytes + tableBytes) + rowBytes(header)
}

/** Rows that are on their way from the decoder to the encoder, between all steps. */
function rowBytes({ width, height, channels, bitDepth, orientation }: ImageHeader): number {
  const [across, down] = isSideways(orientation) ? [height, width] : [width, height]
  return across * channels * (bitDepth > 8 ? 2 : 1) * Math.min(down, ROWS_UNDER_WAY)
}

async function decode(
  bytes: Buffer,
  { width, height, decodedRanges = [] }: ImageHeader,
  claim: PixelClaim,
  build: (image: Sharp) => Sharp,
  failOn: 'truncated' | 'warning',
): Promise<Rendered> {
  const sharp = await loadSharp()
  const leftMs = Math.min(MAX_WORK_MS, claim.deadlineAt - performance.now())
  // libvips counts whole seconds, and takes none for no limit.
  const seconds = Math.max(1, Math.floor(leftMs / MS_PER_SECOND))
  try {
    // A decoder that finds another size than was weighed stops there.
    const source = sharp(bytesOf(bytes, decodedRanges), {
      limitInputPixels: width * height,
      limitInputChannels: 4,
      pages: 1,
      failOn,
    })
    return await build(source).timeout({ seconds }).toBuffer({ resolveWithObject: true })
  } catch (cause) {
    checkClaim(claim)
    const isSlow = cause instanceof Error && /timeout/i.test(cause.message)
    throw serviceError(isSlow ? 'IMG_ERR_IMAGE_CONVERSION_SLOW' : 'IMG_ERR_IMAGE_CONVERSION', [], { cause })
  }
}

/** Loaded at its first use: most images need none, and the library takes its time and memory. */
async function loadSharp() {
  try {
    const { default: sharp } = await import('sharp')
    // No image is decoded twice, so a cache would only hold memory; one thread an image leaves cores to others.
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  } catch (cause) {
    throw serviceError('IMG_ERR_IMAGE_CONVERTER', [], { cause })
  }
}

/** Frees what libvips allocated at once; the garbage collector sees no reason to hurry. */
export function freeMemory({ buffer, length }: Buffer): void {
  // A Buffer that shares its memory with others stays.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}

/**
 * Turns stored pixels to how they are seen. sharp mirrors before it rotates, whatever the order of the calls.
 * https://sharp.pixelplumbing.com/api-operation/#flip
 */
export function turn(image: Sharp, orientation: Orientation): Sharp {
  const mirrored = orientation === 2 || orientation === 5 || orientation === 7 ? image.flop() : image
  if (orientation === 4) return mirrored.flip()
  if (orientation === 3) return mirrored.rotate(180)
  if (!isSideways(orientation)) return mirrored
  return mirrored.rotate(orientation === 6 || orientation === 7 ? 90 : 270)
}
