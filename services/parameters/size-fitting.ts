import type { SizeRule } from '../../schemas/models.ts'
import { parseSize } from '../imaging/size.ts'
import type { Size } from '../imaging/types.ts'

type Range = Extract<SizeRule, { kind: 'range' }>

/** The nearest size that a rule allows; the requested one where the model accepts no size. */
export function fitSize(rule: SizeRule, requested: Size): Size {
  switch (rule.kind) {
    case 'none':
      return requested
    case 'choices':
      return nearestChoice(rule.sizes, requested)
    case 'range':
      return fitRange(rule, requested)
    default:
      return rule satisfies never
  }
}

/** Weighs the shape more than the area. */
function nearestChoice(choices: readonly string[], requested: Size): Size {
  const distance = ({ width, height }: Size) =>
    3 * Math.abs(Math.log((width * requested.height) / (height * requested.width))) +
    Math.abs(Math.log((width * height) / (requested.width * requested.height)))
  return choices.map(parseSize).reduce((best, size) => (distance(size) < distance(best) ? size : best))
}

/** Keeps the shape and the area, which sets the price, as far as the rule allows; then adjusts edges and multiples. */
function fitRange(rule: Range, requested: Size): Size {
  const wide = requested.width >= requested.height
  const ratio = Math.min(wide ? requested.width / requested.height : requested.height / requested.width, rule.maxRatio)
  const area = requested.width * requested.height
  const scale = Math.sqrt(Math.min(Math.max(area, rule.minPixels), rule.maxPixels) / area)
  let long = Math.sqrt(area * ratio)
  let short = area / long
  long = snap(clamp(long * scale, rule), rule)
  short = snap(clamp(short * scale, rule), rule)
  while (isTooSmall(rule, long, short) && canGrow(rule, long, short)) {
    if (short + rule.step <= long) short += rule.step
    else long += rule.step
  }
  while (isTooLarge(rule, long, short) && long - rule.step >= rule.minEdge) long -= rule.step
  const [longer, shorter] = long >= short ? [long, short] : [short, long]
  return wide ? { width: longer, height: shorter } : { width: shorter, height: longer }
}

const clamp = (edge: number, rule: Range) => Math.min(Math.max(edge, rule.minEdge), rule.maxEdge)

/** The nearest multiple within the edges. */
function snap(edge: number, { step, minEdge, maxEdge }: Range): number {
  const nearest = Math.round(edge / step) * step
  if (nearest > maxEdge) return Math.floor(maxEdge / step) * step
  return nearest < minEdge ? Math.ceil(minEdge / step) * step : nearest
}

function isTooSmall({ minPixels }: Range, long: number, short: number): boolean {
  return long * short < minPixels
}

function canGrow({ maxEdge, step }: Range, long: number, short: number): boolean {
  return short + step <= maxEdge || long + step <= maxEdge
}

function isTooLarge({ maxPixels, maxRatio }: Range, long: number, short: number): boolean {
  return long * short > maxPixels || long > short * maxRatio
}

/** The ratio of a list that is nearest to a size. */
export function nearestRatio(ratios: readonly string[], { width, height }: Size): string | undefined {
  const shape = Math.log(width / height)
  const distance = (ratio: string) => {
    const [across = 1, down = 1] = ratio.split(':').map(Number)
    return Math.abs(Math.log(across / down) - shape)
  }
  return [...ratios].sort((a, b) => distance(a) - distance(b))[0]
}
