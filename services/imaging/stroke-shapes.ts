import {
  MAX_COORDINATE,
  MAX_STROKE_POINTS,
  MAX_STROKES,
  MAX_STROKES_BYTES,
  type MaskStroke,
  type strokeModes,
} from '../../schemas/mask.ts'
import { serviceError } from '../errors/errors.ts'
import type { Size } from './types.ts'

/** Strokes that have been checked, for an image of any size. */
export interface CheckedStrokes {
  readonly shapes: readonly Shape[]
  /** What is painted is what stays, and the rest is changed. */
  readonly isInverted: boolean
}

interface Shape {
  /** Takes away what was painted before. */
  readonly erases: boolean
  readonly parts: readonly (Capsule | Rectangle)[]
}

/** A segment of a path: all points at most `radius` from the line between two points, of which `a` is not below `b`. */
export interface Capsule {
  readonly kind: 'capsule'
  readonly ax: number
  readonly ay: number
  readonly dx: number
  readonly dy: number
  readonly length: number
  readonly radius: number
}

export interface Rectangle {
  readonly kind: 'rectangle'
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/**
 * Rows that all segments may cross together: some seconds of work. 5,000 segments across a whole image of 12 megapixels are
 * less, and a person paints a hundredth of it.
 */
const MAX_STEPS = 20_000_000
/** A pixel on the edge of a flat segment takes a quarter of the time of a row. */
const PIXELS_PER_STEP = 4
/** A dot of a thinner brush between four pixels would paint half of none. */
const MIN_RADIUS = 0.75
/** A shorter segment is a dot: the square of its length may be 0. */
const SHORTEST = 1e-6

/**
 * Checks what a schema cannot say.
 * @throws ServiceError `IMG_ERR_MASK`
 */
export function checkStrokes(strokes: readonly MaskStroke[]): CheckedStrokes {
  if (strokes.length > MAX_STROKES) throw tooMuch(`${strokes.length} strokes`, MAX_STROKES)
  const points = strokes.reduce((sum, stroke) => sum + (stroke.points?.length ?? 0) / 2, 0)
  if (points > MAX_STROKE_POINTS) throw tooMuch(`${Math.ceil(points)} points`, MAX_STROKE_POINTS)
  const bytes = JSON.stringify(strokes).length
  if (bytes > MAX_STROKES_BYTES) throw tooMuch(`${bytes} bytes of JSON`, MAX_STROKES_BYTES)
  const shapes: Shape[] = []
  // An inversion exchanges what later strokes add and erase, so that it costs nothing.
  let isInverted = false
  for (const [at, stroke] of strokes.entries()) {
    const { mode } = stroke
    if (mode === 'invert') isInverted = !isInverted
    else {
      const parts = partsOf({ ...stroke, mode }, at + 1)
      shapes.push({ parts, erases: mode.startsWith('erase') !== isInverted })
    }
  }
  return { shapes, isInverted }
}

const tooMuch = (what: string, limit: number) =>
  serviceError('IMG_ERR_MASK', [`has ${what}, more than ${limit}: send fewer or coarser strokes`])

type PaintingMode = Exclude<(typeof strokeModes)[number], 'invert'>

/** @param number of the stroke, from 1 */
function partsOf(
  { mode, size, points = [] }: MaskStroke & { mode: PaintingMode },
  number: number,
): (Capsule | Rectangle)[] {
  const wrong = (problem: string) => serviceError('IMG_ERR_MASK', [`has a wrong stroke (number ${number}): ${problem}`])
  if ([size ?? 1, ...points].some((each) => Math.abs(each) > MAX_COORDINATE)) {
    throw wrong(`its numbers may be from -${MAX_COORDINATE} to ${MAX_COORDINATE}`)
  }
  if (mode === 'add_rectangle' || mode === 'erase_rectangle') {
    const [x1, y1, x2, y2] = points
    if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined || points.length > 4) {
      throw wrong(`${mode} takes points of two opposite corners, [x1, y1, x2, y2]`)
    }
    const sides = { left: Math.min(x1, x2), top: Math.min(y1, y2), right: Math.max(x1, x2), bottom: Math.max(y1, y2) }
    return [{ kind: 'rectangle', ...sides }]
  }
  if (size === undefined) throw wrong(`${mode} requires size, the diameter of the brush in pixels`)
  if (points.length === 0 || points.length % 2 === 1) {
    throw wrong(`${mode} takes x and y of each point in points, [x1, y1, x2, y2, …]`)
  }
  const radius = Math.max(MIN_RADIUS, size / 2)
  const capsules: Capsule[] = []
  for (let at = 0; at === 0 || at + 3 < points.length; at += 2) {
    const [x1 = 0, y1 = 0, x2 = x1, y2 = y1] = points.slice(at, at + 4)
    const [ax, ay, bx, by] = y1 <= y2 ? [x1, y1, x2, y2] : [x2, y2, x1, y1]
    const length = Math.hypot(bx - ax, by - ay)
    const [dx, dy] = length < SHORTEST ? [0, 0] : [bx - ax, by - ay]
    capsules.push({ kind: 'capsule', ax, ay, dx, dy, length: dx === 0 && dy === 0 ? 0 : length, radius })
  }
  return capsules
}

/**
 * Rejects strokes that would take too long on an image of this size.
 * @throws ServiceError `IMG_ERR_MASK`
 */
export function checkWork({ shapes }: CheckedStrokes, { width, height }: Size): void {
  const within = (low: number, high: number, end: number) => Math.max(0, Math.min(high, end) - Math.max(low, 0))
  let steps = 0
  for (const { parts } of shapes) {
    for (const part of parts) {
      if (part.kind === 'rectangle') continue
      const { ax, ay, dx, dy, radius } = part
      steps += within(ay - radius, ay + dy + radius, height)
      steps += within(Math.min(ax, ax + dx), Math.max(ax, ax + dx), width) / PIXELS_PER_STEP
    }
  }
  if (steps > MAX_STEPS) {
    throw serviceError('IMG_ERR_MASK', [
      `has too many long strokes for an image of ${width}x${height} pixels: send fewer or shorter ones, or a rectangle`,
    ])
  }
}
