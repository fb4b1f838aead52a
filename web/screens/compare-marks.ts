import type { Rect } from '../parts/rectangles.ts'

/** CSS pixels. */
const PADDING = 8
const HEIGHT = 26
const HANDLE = 16

/** What stands in the corner of an image: white on black, which is seen on every image. */
export function drawLabel(
  context: CanvasRenderingContext2D,
  { x, y, width }: Rect,
  { text, isAtEnd }: { text: string; isAtEnd: boolean },
): void {
  context.font = '600 14px system-ui, sans-serif'
  const length = context.measureText(text).width + 2 * PADDING
  const start = isAtEnd ? x + width - length - PADDING : x + PADDING
  context.fillStyle = 'rgb(0 0 0 / 70%)'
  context.beginPath()
  context.roundRect(start, y + PADDING, length, HEIGHT, 6)
  context.fill()
  context.fillStyle = '#ffffff'
  context.textBaseline = 'middle'
  context.fillText(text, start + PADDING, y + PADDING + HEIGHT / 2)
}

/** The line between two images over each other, with a handle. */
export function drawDivider(context: CanvasRenderingContext2D, x: number, height: number): void {
  context.fillStyle = '#000000'
  context.fillRect(x - 2, 0, 4, height)
  context.fillStyle = '#ffffff'
  context.fillRect(x - 1, 0, 2, height)
  context.beginPath()
  context.arc(x, height / 2, HANDLE, 0, 2 * Math.PI)
  context.fill()
  context.strokeStyle = '#000000'
  context.lineWidth = 2
  context.stroke()
  context.beginPath()
  for (const side of [-1, 1]) {
    context.moveTo(x + side * 4, height / 2 - 5)
    context.lineTo(x + side * 9, height / 2)
    context.lineTo(x + side * 4, height / 2 + 5)
  }
  context.stroke()
}
