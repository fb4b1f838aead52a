import type { InputImage } from '../azure/images-client.ts'
import { serviceError } from '../errors.ts'
import type { ImageHeader } from './image-header.ts'

export interface ConverterOptions {
  /** Width times height that may be decoded. */
  maxPixels: number
  /** Pictures decoded at a time; the others wait. 2 unless told: each costs up to 4 bytes a pixel. */
  concurrency?: number
  /** Milliseconds that one conversion may take. 30,000 unless told. */
  timeoutMs?: number
}

export interface ImageConverter {
  /**
   * Makes a probed picture fit for Azure. An 8-bit PNG or JPEG with red, green and blue (or grey) passes byte for byte,
   * as the same Buffer; WebP, GIF, four inks, other bit depths and animations become a PNG of the first frame.
   * @throws ServiceError `IMG_ERR_IMAGE_CONVERSION`, `_CONVERSION_SLOW`, `_CONVERTER`, `IMG_ERR_CANCELLED`
   */
  prepare(bytes: Buffer, header: ImageHeader, signal?: AbortSignal): Promise<InputImage>
}

/** Pictures are decoded on libvips' threads, off the event loop, a few at a time. */
export function createImageConverter({
  maxPixels,
  concurrency = 2,
  timeoutMs = 30_000,
}: ConverterOptions): ImageConverter {
  const turns = createTurns(concurrency)
  return {
    async prepare(bytes, header, signal) {
      const { mimeType, width, height } = header
      if (isTakenByAzure(header) && (mimeType === 'image/png' || mimeType === 'image/jpeg')) {
        return { bytes, mimeType, width, height }
      }
      const done = await turns.take(signal)
      try {
        return await convertToPng(bytes, maxPixels, timeoutMs)
      } finally {
        done()
      }
    },
  }
}

/** A PNG of 1, 2 or 4 bits holds palette or grey values and is as plain as one of 8. */
function isTakenByAzure({ bitDepth, frames, isCmyk }: ImageHeader): boolean {
  return bitDepth <= 8 && frames === 1 && !isCmyk
}

async function convertToPng(bytes: Buffer, maxPixels: number, timeoutMs: number): Promise<InputImage> {
  const sharp = await loadSharp()
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, pages: 1, failOn: 'truncated' })
      // PNG drops the tag that says "turn me", so the pixels are turned instead.
      .autoOrient()
      .toColourspace('srgb')
      .png({ compressionLevel: 6 })
      .timeout({ seconds: Math.max(1, Math.ceil(timeoutMs / 1000)) })
      .toBuffer({ resolveWithObject: true })
    return { bytes: data, mimeType: 'image/png', width: info.width, height: info.height }
  } catch (cause) {
    const isSlow = cause instanceof Error && /timeout/i.test(cause.message)
    throw serviceError(isSlow ? 'IMG_ERR_IMAGE_CONVERSION_SLOW' : 'IMG_ERR_IMAGE_CONVERSION', [], { cause })
  }
}

/** Loaded at the first conversion: most pictures need none, and the library takes its time and memory. */
async function loadSharp() {
  try {
    const { default: sharp } = await import('sharp')
    // No picture is converted twice, so a cache would only hold memory; one thread a picture leaves cores to others.
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  } catch (cause) {
    throw serviceError('IMG_ERR_IMAGE_CONVERTER', [], { cause })
  }
}

/** Lets a bounded number in at a time; `take` waits for a turn and gives the function that ends it. */
function createTurns(limit: number) {
  let running = 0
  const waiting: (() => void)[] = []
  // A turn that ends is handed on, so that nobody slips in between.
  const end = () => {
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
  return {
    async take(signal?: AbortSignal): Promise<() => void> {
      if (signal?.aborted) throw serviceError('IMG_ERR_CANCELLED', [])
      if (running < limit) running++
      else await waitForTurn(waiting, signal)
      return end
    },
  }
}

function waitForTurn(waiting: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const turn = () => {
      signal?.removeEventListener('abort', leave)
      resolve()
    }
    const leave = () => {
      waiting.splice(waiting.indexOf(turn), 1)
      reject(serviceError('IMG_ERR_CANCELLED', []))
    }
    waiting.push(turn)
    signal?.addEventListener('abort', leave, { once: true })
  })
}
