import { createHash } from 'node:crypto'

/** What every drawing needs: reproducible numbers, colours, and numbers as SVG writes them. */

/** A reproducible sequence of numbers in [0, 1). */
export type Dice = () => number

/** Mulberry32, a small generator. */
export function createDice(seed: string): Dice {
  let state = createHash('sha256').update(seed).digest().readUInt32LE(0)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** One of several values. */
export function pick<T>(dice: Dice, values: readonly [T, ...T[]]): T {
  return values[Math.floor(dice() * values.length)] ?? values[0]
}

export interface Rgb {
  r: number
  g: number
  b: number
}

/** Parses `#rrggbb`. */
export function rgbOf(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16)
  return { r: value >> 16, g: (value >> 8) & 255, b: value & 255 }
}

/** The colour between two `#rrggbb`, as `#rrggbb`; `share` 0 is `from`, 1 is `to`. */
export function mix(from: string, to: string, share: number): string {
  const [a, b] = [rgbOf(from), rgbOf(to)]
  const channel = (name: keyof Rgb) =>
    Math.round(a[name] + (b[name] - a[name]) * share)
      .toString(16)
      .padStart(2, '0')
  return `#${channel('r')}${channel('g')}${channel('b')}`
}

export const darker = (colour: string, share = 0.3): string => mix(colour, '#0c0a14', share)
export const lighter = (colour: string, share = 0.4): string => mix(colour, '#ffffff', share)

export const px = (value: number): string => value.toFixed(1)

/** Definitions and shapes of a part of a scene. */
export interface Layer {
  defs: string
  body: string
}

/** A gradient from top to bottom, or from the centre outwards. */
export function gradient(id: string, colours: readonly string[], kind: 'linear' | 'radial' = 'linear'): string {
  const last = Math.max(1, colours.length - 1)
  const stops = colours.map((colour, i) => `<stop offset="${(i / last).toFixed(2)}" stop-color="${colour}"/>`).join('')
  return kind === 'linear'
    ? `<linearGradient id="${id}" x1="0" y1="0" x2="0" y2="1">${stops}</linearGradient>`
    : `<radialGradient id="${id}">${stops}</radialGradient>`
}
