import type { Locator } from 'playwright-core'
import sharp from 'sharp'

/** Raw pixels, 4 bytes each. */
interface Pixels {
  data: Buffer
  width: number
  height: number
}

const pixelsOf = async (image: Buffer): Promise<Pixels> => {
  const { data, info } = await sharp(image).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

const colorAt = ({ data, width }: Pixels, x: number, y: number) =>
  data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)

const differs = (one: Uint8Array, other: Uint8Array, by: number): boolean =>
  one.some((value, at) => Math.abs(value - (other[at] ?? 0)) > by)

/** The color of the image that is edited: nothing else of the page has it. */
export const MARKER = { r: 255, g: 0, b: 255 }
const marker = Uint8Array.of(MARKER.r, MARKER.g, MARKER.b)

/** What a person sees of the stage. */
export async function seenOn(stage: Locator): Promise<Pixels> {
  return pixelsOf(await stage.screenshot())
}

/** Where an image of one color lies on the stage, in pixels of the screen. */
function frameOf(before: Pixels): { left: number; top: number; right: number; bottom: number } {
  const frame = { left: before.width, top: before.height, right: 0, bottom: 0 }
  for (let y = 0; y < before.height; y++) {
    for (let x = 0; x < before.width; x++) {
      if (differs(colorAt(before, x, y), marker, 4)) continue
      frame.left = Math.min(frame.left, x)
      frame.top = Math.min(frame.top, y)
      frame.right = Math.max(frame.right, x + 1)
      frame.bottom = Math.max(frame.bottom, y + 1)
    }
  }
  return frame
}

export interface MaskComparison {
  /** Pixels of the screen that are painted. */
  painted: number
  /** Pixels of the screen that are painted and not in the mask, or the reverse, away from edges. */
  wrong: number
}

/**
 * Compares what a person sees painted with the mask that was sent (transparent: is changed), pixel of the screen by pixel of
 * the screen. Within `tolerance` pixels of the screen around an edge of the mask both may differ: the image is scaled.
 */
export async function compareMask(before: Pixels, after: Pixels, mask: Buffer, tolerance = 2): Promise<MaskComparison> {
  const { left, top, right, bottom } = frameOf(before)
  const sent = await pixelsOf(mask)
  const isSent = (x: number, y: number): boolean => {
    const atX = Math.floor(((x - left + 0.5) * sent.width) / (right - left))
    const atY = Math.floor(((y - top + 0.5) * sent.height) / (bottom - top))
    const isInside = atX >= 0 && atY >= 0 && atX < sent.width && atY < sent.height
    return isInside && (sent.data[(atY * sent.width + atX) * 4 + 3] ?? 255) < 128
  }
  const isNearEdge = (x: number, y: number): boolean => {
    const here = isSent(x, y)
    for (let dy = -tolerance; dy <= tolerance; dy++) {
      for (let dx = -tolerance; dx <= tolerance; dx++) if (isSent(x + dx, y + dy) !== here) return true
    }
    return false
  }
  const result = { painted: 0, wrong: 0 }
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const isPainted = differs(colorAt(before, x, y), colorAt(after, x, y), 8)
      if (isPainted) result.painted++
      if (isPainted !== isSent(x, y) && !isNearEdge(x, y)) result.wrong++
    }
  }
  return result
}

/** Pixels outside of the mask (opaque there) that differ between two images of the same size. */
export async function changedOutside(
  before: Buffer,
  after: Buffer,
  mask: Buffer,
): Promise<{ outside: number; changed: number }> {
  const [one, other, kept] = await Promise.all([before, after, mask].map(pixelsOf))
  if (!one || !other || !kept) throw new Error('unreachable')
  const result = { outside: 0, changed: 0 }
  for (let at = 3; at < kept.data.length; at += 4) {
    if (kept.data[at] !== 255) continue
    result.outside++
    if (differs(one.data.subarray(at - 3, at), other.data.subarray(at - 3, at), 0)) result.changed++
  }
  return result
}

/** Two images of the same size as a mask: transparent where they differ. */
export async function changedPixels(before: Buffer, after: Buffer): Promise<Buffer> {
  const [one, other] = await Promise.all([pixelsOf(before), pixelsOf(after)])
  const { width, height } = one
  if (other.width !== width || other.height !== height) throw new Error('the images differ in size')
  const mask = Buffer.alloc(one.data.length)
  for (let at = 0; at < mask.length; at += 4) {
    mask[at + 3] = differs(one.data.subarray(at, at + 3), other.data.subarray(at, at + 3), 0) ? 0 : 255
  }
  return await sharp(mask, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer()
}
