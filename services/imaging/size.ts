import type { Size } from './types.ts'

/** A shape, and how many pixels to aim at. */
export interface TargetSize extends Size {
  /** Width times height by default. */
  pixels?: number | undefined
}

/** A size that a model generates, and the target to which it was fitted. */
export interface FittedSize extends Size {
  target?: TargetSize
}

/** The value of a `size` argument: pixels, a shape such as `16:9`, or `auto`, the model's choice. */
export type SizeArgument = Size | { ratio: Size } | 'auto'

/**
 * The one spelling of each size: `1024x1024`, `16:9` or `auto`. People type signs of multiplication, spaces, capitals,
 * full-width characters and decimals (`2.39:1`). Other text is returned unchanged.
 */
export function normalizeSize(text: string): string {
  const plain = text
    .normalize('NFKC')
    .replaceAll(/[\s\p{Cf}]/gu, '')
    .toLowerCase()
  if (plain === 'auto') return plain
  const [, across, down] = /^0*([1-9]\d{0,6})[x*×✕✖]0*([1-9]\d{0,6})(?:px)?$/.exec(plain) ?? []
  if (across !== undefined) return `${across}x${down}`
  const [, ...sides] = /^(\d{1,7}(?:\.\d{1,4})?)[:/](\d{1,7}(?:\.\d{1,4})?)$/.exec(plain) ?? []
  const [width = 0, height = 0] = sides.map(Number)
  if (width === 0 || height === 0) return text
  return Number.isInteger(width) && Number.isInteger(height) ? `${width}:${height}` : inIntegers(width, height)
}

/** `239:100` for 2.39 and 1. */
function inIntegers(width: number, height: number): string {
  const [across, down] = [Math.round(width * 10_000), Math.round(height * 10_000)]
  const divisor = greatestCommonDivisor(across, down)
  return `${across / divisor}:${down / divisor}`
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/** Reads a normalized, well-formed `size`. */
export function parseSize(text: string): SizeArgument {
  if (text === 'auto') return text
  const [width = 0, height = 0] = text.split(/[x:]/).map(Number)
  return text.includes(':') ? { ratio: { width, height } } : { width, height }
}

export function formatSize({ width, height }: Size): string {
  return `${width}x${height}`
}

export function isSameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height
}
