import type { Point, Size } from './geometry.ts'

/** CSS pixels that one press of an arrow key moves the cursor, and with Shift. */
const fineStep = 8
const coarseStep = 48

const arrows: ReadonlyMap<string, Point> = new Map([
  ['ArrowLeft', [-1, 0]],
  ['ArrowRight', [1, 0]],
  ['ArrowUp', [0, -1]],
  ['ArrowDown', [0, 1]],
])

/** The cursor (pixels of the image) after a key; undefined: the key is no arrow. It stays on the image. */
export function moveCursor(
  cursor: Point,
  key: string,
  isCoarse: boolean,
  scale: number,
  image: Size,
): Point | undefined {
  const direction = arrows.get(key)
  if (direction === undefined) return undefined
  const step = Math.max(1, Math.round((isCoarse ? coarseStep : fineStep) / scale))
  const along = (at: number, by: number, length: number) => Math.round(Math.min(length, Math.max(0, at + by * step)))
  return [along(cursor[0], direction[0], image.width), along(cursor[1], direction[1], image.height)]
}

/** Brush sizes in pixels of the image, from fine to what covers a good part of it. */
export function brushRange({ width, height }: Size): { min: number; max: number; initial: number } {
  const edge = Math.min(width, height)
  const max = Math.max(8, Math.round(edge / 2))
  return { min: Math.max(1, Math.round(edge / 400)), max, initial: Math.max(2, Math.round(edge / 16)) }
}

/** The next brush size for `[` and `]`: a quarter more or less, at least by a pixel. */
export function nextBrushSize(size: number, direction: 1 | -1, { min, max }: { min: number; max: number }): number {
  const next = Math.round(direction > 0 ? Math.max(size + 1, size * 1.25) : Math.min(size - 1, size / 1.25))
  return Math.min(max, Math.max(min, next))
}
