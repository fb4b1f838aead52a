import type { MaskStroke } from '../../../schemas/mask.ts'

/** A painter of strokes that looks at every pixel and every segment, with nothing in common with the service's own. */
export function paintSlowly(strokes: readonly MaskStroke[], width: number, height: number): number[] {
  let painted = Array.from({ length: width * height }, () => 0)
  for (const stroke of strokes) {
    painted = painted.map((known, at) => {
      if (stroke.mode === 'invert') return 255 - known
      const share = Math.round(shareOf(stroke, at % width, Math.floor(at / width)) * 255)
      return stroke.mode.startsWith('add') ? Math.max(known, share) : Math.min(known, 255 - share)
    })
  }
  return painted
}

const limit = (value: number) => Math.min(1, Math.max(0, value))

/** How much of a pixel one stroke paints. */
function shareOf({ mode, size = 0, points = [] }: MaskStroke, x: number, y: number): number {
  if (mode.endsWith('rectangle')) {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = points
    const across = Math.min(Math.max(x1, x2), x + 1) - Math.max(Math.min(x1, x2), x)
    const down = Math.min(Math.max(y1, y2), y + 1) - Math.max(Math.min(y1, y2), y)
    return limit(across) * limit(down)
  }
  let nearest = Number.POSITIVE_INFINITY
  for (let at = 0; at < points.length; at += 2) {
    const [ax = 0, ay = 0, bx = ax, by = ay] = points.slice(at, at + 4)
    // The last point alone is the end of a segment, or a dot.
    const squared = (bx - ax) ** 2 + (by - ay) ** 2
    const along = squared === 0 ? 0 : limit(((x + 0.5 - ax) * (bx - ax) + (y + 0.5 - ay) * (by - ay)) / squared)
    nearest = Math.min(nearest, Math.hypot(x + 0.5 - ax - along * (bx - ax), y + 0.5 - ay - along * (by - ay)))
  }
  return limit(Math.max(0.75, size / 2) + 0.5 - nearest)
}
