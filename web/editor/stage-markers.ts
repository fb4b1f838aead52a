import { edgesOf } from './coverage.ts'
import type { Point } from './geometry.ts'
import type { Tool } from './live-stroke.ts'

/** CSS pixels. */
const crossSize = 16
const minBrushSize = 6

/** Places the outline of the brush. @param place in CSS pixels of the stage; undefined: hidden. @param size likewise */
export function placeBrush(brush: HTMLElement, place: Point | undefined, tool: Tool, size: number): void {
  brush.hidden = place === undefined
  if (place === undefined) return
  const diameter = tool === 'rectangle' ? crossSize : Math.max(minBrushSize, size)
  brush.dataset.tool = tool
  placeElement(brush, [place[0] - diameter / 2, place[1] - diameter / 2], [diameter, diameter])
}

/** Places the rectangle that is being drawn. @param corners in CSS pixels of the stage; undefined: hidden */
export function placeBox(box: HTMLElement, corners: { from: Point; to: Point } | undefined): void {
  box.hidden = corners === undefined
  if (corners === undefined) return
  const [x1, y1, x2, y2] = edgesOf(corners)
  placeElement(box, [x1, y1], [x2 - x1, y2 - y1])
}

/** By script, which a Content-Security-Policy without inline styles allows. */
function placeElement({ style }: HTMLElement, [x, y]: Point, [width, height]: Point): void {
  style.width = `${width}px`
  style.height = `${height}px`
  style.transform = `translate(${x}px, ${y}px)`
}
