import type { Size } from '../editor/geometry.ts'

export interface Rect extends Size {
  x: number
  y: number
}

/** An image as large as a frame allows, in its middle; smaller ones are enlarged. */
export function fitInto(frame: Rect, { width, height }: Size): Rect {
  const scale = width > 0 && height > 0 ? Math.min(frame.width / width, frame.height / height) : 0
  const fitted = { width: width * scale, height: height * scale }
  return {
    ...fitted,
    x: frame.x + (frame.width - fitted.width) / 2,
    y: frame.y + (frame.height - fitted.height) / 2,
  }
}

/** The smallest one that has both. */
export function unionOf(a: Rect, b: Rect): Rect {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)]
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  }
}

/** What both have; without size where there is nothing. */
export function intersection(a: Rect, b: Rect): Rect {
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)]
  return {
    x,
    y,
    width: Math.max(0, Math.min(a.x + a.width, b.x + b.width) - x),
    height: Math.max(0, Math.min(a.y + a.height, b.y + b.height) - y),
  }
}
