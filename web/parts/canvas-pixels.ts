import type { Size } from '../editor/geometry.ts'
import type { Rect } from './rectangles.ts'

/** Some browsers draw nothing on a larger canvas. */
const MAX_PIXELS = 16_000_000

/**
 * Clears a canvas and has it drawn in CSS pixels, sharp on the screen.
 * @param size of the canvas, in CSS pixels
 */
export function paint(canvas: HTMLCanvasElement, size: Size, draw: (context: CanvasRenderingContext2D) => void): void {
  const ratio = Math.min(devicePixelRatio, Math.sqrt(MAX_PIXELS / Math.max(1, size.width * size.height)))
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)]
  const context = canvas.getContext('2d')
  if (context === null) return
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width
    canvas.height = height
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, size.width, size.height)
  context.imageSmoothingQuality = 'high'
  draw(context)
}

/** CSS pixels of one square of the pattern behind transparent images. */
const SQUARE = 8
/** Pixels of the screen for each of the image from which on their edges are shown, not smoothed. */
const SHARP_SCALE = 4

/** Draws an image with a pattern of squares behind it, which is seen where it is transparent. */
export function drawImage(context: CanvasRenderingContext2D, bitmap: ImageBitmap, { x, y, width, height }: Rect): void {
  context.save()
  context.fillStyle = squares(context) ?? '#ffffff'
  context.fillRect(x, y, width, height)
  context.imageSmoothingEnabled = width < bitmap.width * SHARP_SCALE
  context.drawImage(bitmap, x, y, width, height)
  context.restore()
}

let tile: OffscreenCanvas | undefined

function squares(context: CanvasRenderingContext2D): CanvasPattern | null {
  if (tile === undefined) {
    tile = new OffscreenCanvas(SQUARE * 2, SQUARE * 2)
    const drawing = tile.getContext('2d')
    if (drawing === null) return null
    drawing.fillStyle = '#ffffff'
    drawing.fillRect(0, 0, SQUARE * 2, SQUARE * 2)
    drawing.fillStyle = '#d4d7dd'
    drawing.fillRect(0, 0, SQUARE, SQUARE)
    drawing.fillRect(SQUARE, SQUARE, SQUARE, SQUARE)
  }
  return context.createPattern(tile, 'repeat')
}
