import type { Size } from './types.ts'

/** Replaces the multiplication sign, which people type and `SIZE_PATTERN` cannot contain. */
export function normalizeSize(text: string): string {
  return text.replaceAll('×', 'x')
}

/** Reads `1024x1024`; spaces and `X`, `*` or `×` are accepted too. The text must be well-formed. */
export function parseSize(text: string): Size {
  const [width = 0, height = 0] = normalizeSize(text).split(/[xX*]/).map(Number)
  return { width, height }
}

export function formatSize({ width, height }: Size): string {
  return `${width}x${height}`
}

export function isSameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height
}
