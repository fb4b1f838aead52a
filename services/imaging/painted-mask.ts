import { pipeline } from 'node:stream/promises'
import { createDeflate } from 'node:zlib'
import { serviceError } from '../errors/errors.ts'
import { MAX_MASK_BYTES } from './mask.ts'
import { type PixelClaim, takeTurn, walkInTurns } from './pixel-claim.ts'
import type { PixelWork } from './pixel-work.ts'
import { encodePng } from './png.ts'
import { type CheckedStrokes, checkWork } from './stroke-shapes.ts'
import { BAND_ROWS, paintBand } from './strokes.ts'
import type { InputImage, Size } from './types.ts'

const RGBA_BYTES = 4
const OPAQUE = 255
/** Filter type of a row: each byte is the difference from the one above. https://www.w3.org/TR/png-3/#9Filters */
const UP = 2

/** Of a PNG, more than its chunks have beside the compressed rows. */
const FRAME_BYTES = 1024

interface Band {
  pixels: Uint8Array
  rows: number
}

/** The rows of a painted mask in turn, in memory that is reused. */
async function* paintedBands(
  strokes: CheckedStrokes,
  { width, height }: Size,
  claim: PixelClaim,
): AsyncGenerator<Band> {
  const memory = new Uint8Array(BAND_ROWS * width)
  for (let top = 0; top < height; top += BAND_ROWS) {
    const rows = Math.min(BAND_ROWS, height - top)
    const pixels = memory.subarray(0, rows * width).fill(0)
    await walkInTurns(paintBand(strokes, width, pixels, top), claim)
    yield { pixels, rows }
    // A walk that ends early has not paused.
    await takeTurn(claim)
  }
}

/** What a model is told of a pixel: masks that are transparent in part are not reliable, so it is more than half painted or not. */
const isOpen = (coverage: number | undefined = 0): boolean => coverage > OPAQUE / 2

/**
 * The mask that strokes paint, as Azure takes it: an RGBA PNG as large as the image, fully transparent where the image may be
 * changed and opaque elsewhere.
 * @throws ServiceError `IMG_ERR_MASK` if nothing or everything is painted; as `PixelWork.paint`
 */
export async function maskOfStrokes(
  strokes: CheckedStrokes,
  image: Size,
  pixels: PixelWork,
  claim: PixelClaim,
): Promise<InputImage> {
  const { width, height } = image
  checkWork(strokes, image)
  const deflated: Buffer[] = []
  let bytes = 0
  let open = 0
  await pixels.paint(claim, async () => {
    const rowBytes = 1 + width * RGBA_BYTES
    const above = new Uint8Array(width)
    async function* rows() {
      let isFirst = true
      for await (const band of paintedBands(strokes, image, claim)) {
        const filtered = Buffer.alloc(band.rows * rowBytes)
        for (let row = 0; row < band.rows; row++) {
          const start = row * rowBytes
          if (isFirst) filtered.fill(OPAQUE, start + 1, start + rowBytes)
          filtered[start] = UP
          for (let x = 0; x < width; x++) {
            const alpha = isOpen(band.pixels[row * width + x]) ? 0 : OPAQUE
            if (alpha === 0) open++
            // A byte of a Buffer wraps around.
            filtered[start + (x + 1) * RGBA_BYTES] = alpha - (above[x] ?? 0)
            above[x] = alpha
          }
          isFirst = false
        }
        yield filtered
      }
    }
    await pipeline(rows, createDeflate({ level: 1 }), async (chunks) => {
      for await (const chunk of chunks) {
        deflated.push(chunk)
        bytes += chunk.length
        if (bytes > MAX_MASK_BYTES - FRAME_BYTES) {
          throw serviceError('IMG_ERR_MASK', ['has too many details for a PNG of 4 MB: paint with fewer strokes'])
        }
      }
    })
  })
  checkShare(open, image)
  return { bytes: encodePng(image, Buffer.concat(deflated)), mimeType: 'image/png', width, height }
}

/**
 * The check of `maskOfStrokes` alone, where the mask itself is not needed.
 * @throws ServiceError as `maskOfStrokes`
 */
export async function checkPaints(
  strokes: CheckedStrokes,
  image: Size,
  pixels: PixelWork,
  claim: PixelClaim,
): Promise<void> {
  checkWork(strokes, image)
  let open = 0
  await pixels.paint(claim, async () => {
    for await (const band of paintedBands(strokes, image, claim)) {
      for (const coverage of band.pixels) if (isOpen(coverage)) open++
    }
  })
  checkShare(open, image)
}

function checkShare(open: number, { width, height }: Size): void {
  if (open === 0) throw serviceError('IMG_ERR_MASK', ['paints nothing of the image: paint over what is to be changed'])
  if (open === width * height) {
    throw serviceError('IMG_ERR_MASK', ['covers the whole image: leave it out to change everything'])
  }
}
