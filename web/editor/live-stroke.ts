import { type Point, simplify } from './geometry.ts'
import type { MaskMode, MaskOperation } from './strokes.ts'

export type Tool = 'brush' | 'eraser' | 'rectangle'

/** Points that a stroke has while it is painted; then it is thinned out already, so that a long scribble stays cheap. */
const maxPoints = 4_000
/** Shares of the brush by which its edge may move then. */
const tolerances = [1 / 32, 1 / 6]

/** What is being painted, by a pointer or by the cursor, until it becomes an operation. Places are pixels of the image. */
export class LiveStroke {
  readonly tool: Tool
  readonly size: number
  #points: Point[]
  #isFull = false

  constructor(tool: Tool, size: number, from: Point) {
    this.tool = tool
    this.size = size
    this.#points = [from]
  }

  get mode(): MaskMode {
    return this.tool === 'eraser' ? 'erase' : 'add'
  }

  get start(): Point {
    return this.#points[0] ?? [0, 0]
  }

  get end(): Point {
    return this.#points.at(-1) ?? this.start
  }

  /** @returns where the new segment begins; undefined: the place is too near to the last one to be seen */
  extend(to: Point): Point | undefined {
    if (this.tool === 'rectangle') {
      this.#points = [this.start, to]
      return this.start
    }
    const { end } = this
    if (Math.hypot(to[0] - end[0], to[1] - end[1]) < Math.max(0.5, this.size / 40)) return undefined
    if (this.#points.length >= maxPoints && !this.#makeRoom()) return undefined
    this.#points.push(to)
    return end
  }

  /** @returns whether more points fit. Not tried again for each of them, because it takes milliseconds */
  #makeRoom(): boolean {
    for (const share of this.#isFull ? [] : tolerances) {
      this.#points = simplify(this.#points, this.size * share)
      if (this.#points.length <= maxPoints * 0.75) return true
    }
    this.#isFull = true
    return false
  }

  /** Undefined: there is nothing to add, because the rectangle has no area. */
  operation(): MaskOperation | undefined {
    const { start, end, mode, size } = this
    if (this.tool !== 'rectangle') return { kind: 'brush', mode, size, points: this.#points }
    const [width, height] = [Math.round(end[0]) - Math.round(start[0]), Math.round(end[1]) - Math.round(start[1])]
    return width === 0 || height === 0 ? undefined : { kind: 'rectangle', mode, from: start, to: end }
  }
}
