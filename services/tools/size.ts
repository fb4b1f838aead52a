import type { Size } from '../azure/images-client.ts'

/** What a caller may write for a size: `1024x1024`, blanks and `X`, `*` or `×` forgiven. */
export const SIZE_PATTERN = '^ *[1-9][0-9]{0,4} *[xX*×] *[1-9][0-9]{0,4} *$'

/** Reads a size that matches `SIZE_PATTERN`. */
export function parseSize(text: string): Size {
  const [width = 0, height = 0] = text.split(/[xX*×]/).map(Number)
  return { width, height }
}

export function formatSize({ width, height }: Size): string {
  return `${width}x${height}`
}

export function isSameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height
}
