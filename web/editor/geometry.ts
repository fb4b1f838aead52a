/** A place, as `[x, y]`. */
export type Point = readonly [x: number, y: number]

export interface Size {
  readonly width: number
  readonly height: number
}

/**
 * Leaves out points of a line as long as it moves nowhere by more than `tolerance` pixels (Ramer, Douglas and Peucker).
 * The ends stay. An explicit stack, because a long scribble would be too deep for calls.
 */
export function simplify(points: readonly Point[], tolerance: number): Point[] {
  const keep = new Uint8Array(points.length)
  keep[0] = 1
  keep[points.length - 1] = 1
  const open: [from: number, to: number][] = [[0, points.length - 1]]
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    const [from, to] = range
    const farthest = farthestPoint(points, from, to)
    if (farthest.distance <= tolerance) continue
    keep[farthest.index] = 1
    open.push([from, farthest.index], [farthest.index, to])
  }
  return points.filter((_, index) => keep[index] === 1)
}

function farthestPoint(points: readonly Point[], from: number, to: number): { index: number; distance: number } {
  const [start, end] = [points[from], points[to]]
  let index = from
  let distance = 0
  if (start === undefined || end === undefined) return { index, distance }
  for (let at = from + 1; at < to; at++) {
    const point = points[at]
    const far = point === undefined ? 0 : distanceToSegment(point, start, end)
    if (far > distance) {
      distance = far
      index = at
    }
  }
  return { index, distance }
}

/** In pixels, to the nearest place of the segment. */
export function distanceToSegment([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay]
  const length = dx * dx + dy * dy
  const at = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length))
  return Math.hypot(x - ax - at * dx, y - ay - at * dy)
}
