import type { SizeRule } from '../../schemas/models.ts'
import { parseSize, type TargetSize } from '../imaging/size.ts'
import type { Size } from '../imaging/types.ts'
import { memoize } from '../net/memoize.ts'

type Range = Extract<SizeRule, { kind: 'range' }>

/** Shapes that differ by less look the same. A smaller tolerance would cost many pixels where a model's steps are coarse. */
const SHAPE_TOLERANCE = 0.015
/** Within that tolerance 1 % of the shape counts as much as this percentage of the pixels. */
const SHAPE_WEIGHT = 25

/**
 * The best allowed size for a requested shape and number of pixels. Of two sizes the better one is
 * 1. the one nearer in shape, where differences of up to 1.5 % count as none;
 * 2. else the one with at most the requested number of pixels;
 * 3. else, if both have more, the one with fewer pixels; if not, the one that loses less: 1 % of the shape counts as much
 *    as 25 % of the pixels;
 * 4. else the one nearer in shape.
 *
 * So the shape changes only as far as the rule forces it, and the image has more pixels than requested, which cost more,
 * only if no allowed size of that shape has fewer. A model that accepts no size gets the requested one.
 */
export function fitSize(rule: SizeRule, { width, height, pixels = width * height }: TargetSize): Size {
  let fit = fitters.get(rule)
  if (fit === undefined) {
    fit = memoize((text) => searchSize(rule, text))
    fitters.set(rule, fit)
  }
  return { ...fit(`${width} ${height} ${pixels}`) }
}

/** A search takes tenths of a millisecond, and most calls request one of a few sizes. */
const fitters = new WeakMap<SizeRule, (target: string) => Size>()

function searchSize(rule: SizeRule, text: string): Size {
  const [across = 0, down = 0, pixels = 0] = text.split(' ').map(Number)
  const target = { width: across, height: down, pixels }
  const { width, height } = bestOf(candidatesOf(rule, target), target) ?? target
  return { width, height }
}

/** Whether a rule allows any size. */
export function allowsSizes(rule: SizeRule): boolean {
  const square = { width: 1, height: 1 }
  return bestOf(candidatesOf(rule, square), square) !== undefined
}

function candidatesOf(rule: SizeRule, target: TargetSize): Iterable<Size> {
  switch (rule.kind) {
    case 'none':
      return [target]
    case 'choices':
      return rule.sizes.map(parseSize).filter((size) => typeof size === 'object' && 'width' in size)
    case 'range':
      return bestOfRange(rule, target)
    default:
      return rule satisfies never
  }
}

/** 1 for the same shape, 2 for twice as wide or as high. Equal for equal shapes and for transposed sizes, without rounding. */
function shapeDifference(size: Size, target: Size): number {
  const [a, b] = [size.width * target.height, size.height * target.width]
  return Math.max(a, b) / Math.min(a, b)
}

export function isSameShape(a: Size, b: Size): boolean {
  return shapeDifference(a, b) <= 1 + SHAPE_TOLERANCE
}

function bestOf(sizes: Iterable<Size>, target: TargetSize): Size | undefined {
  let best: { size: Size; ranks: readonly number[] } | undefined
  for (const size of sizes) {
    const ranks = ranksOf(size, target)
    if (best === undefined || isLess(ranks, best.ranks)) best = { size, ranks }
  }
  return best?.size
}

/** What decides between two sizes, in this order; less is better. */
function ranksOf(size: Size, { width, height, pixels = width * height }: TargetSize): readonly number[] {
  const shape = shapeDifference(size, { width, height })
  const area = size.width * size.height
  const loss = SHAPE_WEIGHT * Math.log(shape) + Math.log(pixels / area)
  return [
    Math.max(shape, 1 + SHAPE_TOLERANCE),
    area > pixels ? 1 : 0,
    area > pixels ? area : loss,
    shape,
    // Of two sizes that differ as much in opposite directions the same one, whichever way the image is turned.
    Math.max(size.width, size.height),
  ]
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  const index = a.findIndex((rank, at) => rank !== b[at])
  return index >= 0 && (a[index] ?? 0) < (b[index] ?? 0)
}

/** For each allowed width the heights of which one is the best: any other is worse in the same rank. */
function* bestOfRange(rule: Range, target: TargetSize): Generator<Size> {
  const { step, minEdge, maxEdge } = rule
  const { width: across, height: down, pixels = across * down } = target
  const tolerated = 1 + SHAPE_TOLERANCE
  for (let width = Math.ceil(minEdge / step) * step; width <= maxEdge; width += step) {
    const exact = (width * down) / across
    const least = exact / tolerated
    const [lowest, highest] = heightsOf(rule, width)
    if (lowest > highest) continue
    for (const height of [exact, least, exact * tolerated, Math.max(pixels / width, least)]) {
      const below = Math.floor(height / step) * step
      yield { width, height: clamp(below, lowest, highest) }
      yield { width, height: clamp(below + step, lowest, highest) }
    }
  }
}

const clamp = (height: number, lowest: number, highest: number) => Math.min(Math.max(height, lowest), highest)

/** The lowest and the highest height that the rule allows with a width. */
function heightsOf(rule: Range, width: number): [lowest: number, highest: number] {
  const { step, minEdge, maxEdge, minPixels, maxPixels, maxRatio } = rule
  const lowest = Math.floor(Math.max(minEdge, minPixels / width, width / maxRatio) / step) * step
  const highest = Math.ceil(Math.min(maxEdge, maxPixels / width, width * maxRatio) / step) * step
  // Divisions are rounded, so the limits themselves are tried.
  return [
    isAllowed(rule, { width, height: lowest }) ? lowest : lowest + step,
    isAllowed(rule, { width, height: highest }) ? highest : highest - step,
  ]
}

function isAllowed({ minEdge, maxEdge, minPixels, maxPixels, maxRatio }: Range, { width, height }: Size): boolean {
  const [short, long] = width < height ? [width, height] : [height, width]
  const area = width * height
  return short >= minEdge && long <= maxEdge && area >= minPixels && area <= maxPixels && long <= short * maxRatio
}

/** The ratio of a list that is nearest to a size. */
export function nearestRatio(ratios: readonly string[], target: Size): string | undefined {
  const [first, ...others] = ratios
  const distance = (ratio: string) => {
    const [width = 1, height = 1] = ratio.split(':').map(Number)
    return shapeDifference({ width, height }, target)
  }
  return others.reduce((best, ratio) => (best === undefined || distance(ratio) < distance(best) ? ratio : best), first)
}
