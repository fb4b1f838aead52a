import type { Walk } from './headers/header.ts'
import type { Capsule, CheckedStrokes, Rectangle } from './stroke-shapes.ts'
import type { Size } from './types.ts'

/** Rows of a band that are painted together, so that they stay in the processor's cache. */
export const BAND_ROWS = 16
/** Pixels between two pauses of a walk: about half a millisecond. */
const PIXELS_BETWEEN_PAUSES = 65_536
/** Half a pixel on both sides of an edge is painted in part. */
const SOFT = 0.5
const FULL = 255

/**
 * Paints all rows: 255 where a pixel is to be changed, 0 where not, and in between along edges. A segment costs a step for
 * each row that it crosses, and one for each pixel along its edge, whatever the size of the brush.
 */
export function* paintStrokes(strokes: CheckedStrokes, size: Size): Walk<Uint8Array> {
  const coverage = new Uint8Array(size.width * size.height)
  for (let top = 0; top < size.height; top += BAND_ROWS) {
    const rows = Math.min(BAND_ROWS, size.height - top)
    const band = coverage.subarray(top * size.width, (top + rows) * size.width)
    yield* paintBand(strokes, size.width, band, top)
  }
  return coverage
}

/** Rows of a mask that are painted together. `pixels` must be empty. */
interface Band {
  readonly pixels: Uint8Array
  readonly width: number
  readonly rows: number
  /** The number of its first row. */
  readonly top: number
}

/** Paints the rows from `top` on of which `pixels`, which are empty, are the coverage. */
export function* paintBand(
  { shapes, isInverted }: CheckedStrokes,
  width: number,
  pixels: Uint8Array,
  top: number,
): Walk<void> {
  const band = { pixels, width, rows: pixels.length / width, top }
  let cost = 0
  for (const { parts, erases } of shapes) {
    for (const part of parts) {
      // A look at a part that is elsewhere is not free either.
      cost += 16
      if (part.kind === 'rectangle') cost += paintRectangle(part, erases, band)
      else if (covers(part, band)) {
        pixels.fill(erases ? 0 : FULL)
        // The other parts of the shape can add nothing.
        break
      } else {
        const first = Math.max(0, Math.floor(part.ay - part.radius - SOFT) - top)
        const last = Math.min(band.rows - 1, Math.ceil(part.ay + part.dy + part.radius + SOFT) - top)
        for (let row = first; row <= last; row++) {
          cost += paintRow(part, erases, band, row)
          if (cost > PIXELS_BETWEEN_PAUSES) {
            yield
            cost = 0
          }
        }
      }
    }
    if (cost > PIXELS_BETWEEN_PAUSES) {
      yield
      cost = 0
    }
  }
  if (isInverted) for (let at = 0; at < pixels.length; at++) pixels[at] = FULL - (pixels[at] ?? 0)
  yield
}

/** Whether every pixel of the band is painted: a convex shape with its corners contains it. */
function covers(capsule: Capsule, { width, rows, top }: Band): boolean {
  const inner = capsule.radius - SOFT
  // Most brushes are too small to try.
  if (inner * 2 + Math.abs(capsule.dx) < width) return false
  return [top + SOFT, top + rows - SOFT].every(
    (y) => distance(capsule, SOFT, y) <= inner && distance(capsule, width - SOFT, y) <= inner,
  )
}

/** From a point to the line between the ends. */
function distance({ ax, ay, dx, dy, length }: Capsule, x: number, y: number): number {
  const px = x - ax
  const py = y - ay
  if (length === 0) return Math.sqrt(px * px + py * py)
  const along = Math.min(1, Math.max(0, (px * dx + py * dy) / (length * length)))
  const ex = px - along * dx
  const ey = py - along * dy
  return Math.sqrt(ex * ex + ey * ey)
}

/**
 * Where a horizontal line enters a capsule on the left (`side` -1) or leaves it on the right (1). The line must cross it.
 * Of all discs along the capsule, the one whose edge is farthest out there is where the outer tangent touches the line.
 */
function edgeOf({ ax, ay, dx, dy, length }: Capsule, radius: number, y: number, side: -1 | 1): number {
  const below = y - ay
  let along = dx * side > 0 ? 1 : 0
  if (dy > 0) {
    along = (below + (side * radius * dx) / length) / dy
    if (along > 0 && along < 1) return ax + (below * dx + side * radius * length) / dy
    along = along >= 1 ? 1 : 0
  }
  const above = below - along * dy
  return ax + along * dx + side * Math.sqrt(Math.max(0, radius * radius - above * above))
}

/** Calling `fill` for a few pixels takes longer than setting them. */
const FEW = 24

function fill(pixels: Uint8Array, value: number, from: number, end: number): void {
  if (end - from > FEW) pixels.fill(value, from, end)
  else for (let at = from; at < end; at++) pixels[at] = value
}

/** Paints what of the capsule is in a row of the band. @returns pixels that were looked at */
function paintRow(capsule: Capsule, erases: boolean, { pixels, width, top }: Band, row: number): number {
  const { ay, dy, radius } = capsule
  const y = top + row + SOFT
  const outer = radius + SOFT
  if (y < ay - outer || y > ay + dy + outer) return 1
  const from = Math.max(0, Math.ceil(edgeOf(capsule, outer, y, -1) - SOFT))
  const end = Math.min(width, Math.floor(edgeOf(capsule, outer, y, 1) - SOFT) + 1)
  if (from >= end) return 1
  const inner = radius - SOFT
  let fullFrom = end
  let fullEnd = end
  if (y >= ay - inner && y <= ay + dy + inner) {
    const left = Math.max(from, Math.ceil(edgeOf(capsule, inner, y, -1) - SOFT))
    const right = Math.min(end, Math.floor(edgeOf(capsule, inner, y, 1) - SOFT) + 1)
    if (left < right) {
      fullFrom = left
      fullEnd = right
    }
  }
  const start = row * width
  paintEdge(capsule, erases, pixels, start, y, from, fullFrom)
  fill(pixels, erases ? 0 : FULL, start + fullFrom, start + fullEnd)
  paintEdge(capsule, erases, pixels, start, y, fullEnd, end)
  return 8 + (fullFrom - from) + (end - fullEnd)
}

/** Paints pixels of a row in part. @param start of the row @param end behind the last pixel */
function paintEdge(
  capsule: Capsule,
  erases: boolean,
  pixels: Uint8Array,
  start: number,
  y: number,
  from: number,
  end: number,
): void {
  const reach = capsule.radius + SOFT
  for (let x = from; x < end; x++) blend(pixels, start + x, reach - distance(capsule, x + SOFT, y), erases)
}

/** @param share of the pixel that is painted, from 0 to 1; below and above, as these */
function blend(pixels: Uint8Array, at: number, share: number, erases: boolean): void {
  if (share <= 0) return
  const painted = share >= 1 ? FULL : Math.round(share * FULL)
  const known = pixels[at] ?? 0
  if (erases) pixels[at] = Math.min(known, FULL - painted)
  else pixels[at] = Math.max(known, painted)
}

/** @returns pixels that were looked at */
function paintRectangle({ left, top: above, right, bottom }: Rectangle, erases: boolean, band: Band): number {
  const { pixels, width, rows, top } = band
  const first = Math.max(0, Math.floor(left))
  const last = Math.min(width, Math.ceil(right)) - 1
  const firstRow = Math.max(0, Math.floor(above) - top)
  const lastRow = Math.min(rows, Math.ceil(bottom) - top) - 1
  if (first > last) return 1
  let cost = 1
  for (let row = firstRow; row <= lastRow; row++) {
    const down = overlap(above, bottom, top + row)
    const start = row * width
    // Between the first and the last pixel all shares are the same.
    if (down === 1) pixels.fill(erases ? 0 : FULL, start + first + 1, Math.max(start + first + 1, start + last))
    else for (let x = first + 1; x < last; x++) blend(pixels, start + x, down, erases)
    blend(pixels, start + first, down * overlap(left, right, first), erases)
    if (last > first) blend(pixels, start + last, down * overlap(left, right, last), erases)
    cost += down === 1 ? 8 : width
  }
  return cost
}

/** How much of the pixel at `at` lies between `low` and `high`. */
const overlap = (low: number, high: number, at: number) => Math.min(high, at + 1) - Math.max(low, at)
