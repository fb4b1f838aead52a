import type { Size } from '../azure/types.ts'

/** What a client may write for a size: `1024x1024`, blanks and `X` or `*` forgiven. ASCII, because not every engine takes more. */
export const SIZE_PATTERN = '^ *[1-9][0-9]{0,4} *[xX*] *[1-9][0-9]{0,4} *$'

/** A size as the pattern has it, for people who write the sign that their language has. */
export function plainSize(text: string): string {
  return text.replaceAll('×', 'x')
}

/** Reads a size that matches `SIZE_PATTERN`. */
export function parseSize(text: string): Size {
  const [width = 0, height = 0] = plainSize(text).split(/[xX*]/).map(Number)
  return { width, height }
}

export function formatSize({ width, height }: Size): string {
  return `${width}x${height}`
}

export function isSameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height
}
