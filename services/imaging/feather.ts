import type { Walk } from './headers/header.ts'
import type { Size } from './types.ts'

/** Pixels between two pauses: well below a millisecond. */
const PIXELS_BETWEEN_PAUSES = 65_536

/**
 * A mask with an edge that goes over from 255 to 0 within `radius` pixels on both sides. Pixels farther from the edge stay as
 * they are. At the border of the image it goes on as if the image did.
 */
export function* feathered(mask: Uint8Array, { width, height }: Size, radius: number): Walk<Uint8Array> {
  let from = mask
  let to: Uint8Array = new Uint8Array(mask.length)
  // Twice an average, whose weights fall in a straight line. The radii add up.
  for (const each of [Math.ceil(radius / 2), Math.floor(radius / 2)]) {
    if (each === 0) continue
    yield* averageRows(from, to, width, height, each)
    ;[from, to] = [to, from]
    yield* averageColumns(from, to, width, height, each)
    ;[from, to] = [to, from]
  }
  return from
}

function* averageRows(from: Uint8Array, to: Uint8Array, width: number, height: number, radius: number): Walk<void> {
  // The first average of a row looks at all pixels within the radius.
  const rowsBetweenPauses = Math.max(1, Math.floor(PIXELS_BETWEEN_PAUSES / (width + 2 * radius)))
  for (let row = 0; row < height; row++) {
    averageRow(from.subarray(row * width, (row + 1) * width), to.subarray(row * width, (row + 1) * width), radius)
    if (row % rowsBetweenPauses === 0) yield
  }
}

function averageRow(from: Uint8Array, to: Uint8Array, radius: number): void {
  const count = 2 * radius + 1
  const last = from.length - 1
  let sum = 0
  for (let x = -radius; x <= radius; x++) sum += from[Math.max(0, Math.min(last, x))] ?? 0
  for (let x = 0; x <= last; x++) {
    to[x] = Math.round(sum / count)
    sum += (from[Math.min(last, x + radius + 1)] ?? 0) - (from[Math.max(0, x - radius)] ?? 0)
  }
}

function* averageColumns(from: Uint8Array, to: Uint8Array, width: number, height: number, radius: number): Walk<void> {
  const count = 2 * radius + 1
  const last = height - 1
  const sums = new Uint32Array(width)
  const add = (row: number, sign: 1 | -1) => {
    const start = Math.max(0, Math.min(last, row)) * width
    for (let x = 0; x < width; x++) sums[x] = (sums[x] ?? 0) + sign * (from[start + x] ?? 0)
  }
  const rowsBetweenPauses = Math.max(1, Math.floor(PIXELS_BETWEEN_PAUSES / width))
  for (let row = -radius; row <= radius; row++) {
    add(row, 1)
    if (row % rowsBetweenPauses === 0) yield
  }
  for (let row = 0; row <= last; row++) {
    const start = row * width
    for (let x = 0; x < width; x++) to[start + x] = Math.round((sums[x] ?? 0) / count)
    add(row + radius + 1, 1)
    add(row - radius, -1)
    if (row % rowsBetweenPauses === 0) yield
  }
}
