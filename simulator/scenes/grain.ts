import type { OverlayOptions } from 'sharp'
import { createDice } from './svg.ts'
import { describe } from './vocabulary.ts'

/**
 * Fine grain. Flat shapes would compress to a fraction of the bytes of a real image, with which limits, previews and slow
 * connections could not be tried.
 */

const side = 256

function createTile(): Buffer {
  const dice = createDice('grain')
  const pixels = Buffer.alloc(side * side * 4)
  for (let at = 0; at < pixels.length; at += 4) {
    pixels.fill(dice() < 0.5 ? 0 : 255, at, at + 3)
    pixels[at + 3] = Math.floor(dice() * 8)
  }
  return pixels
}

const tile: OverlayOptions = { input: createTile(), raw: { width: side, height: side, channels: 4 }, tile: true }

/** The grain of an image; none for landscapes, which have detail enough, and for thumbnails. */
export function grainOf(prompt: string, width: number, height: number): OverlayOptions[] {
  if (Math.min(width, height) < side) return []
  const { kind, setting, subjects } = describe(prompt)
  const place = setting ?? subjects.find(({ subject }) => subject.home !== undefined)?.subject.home
  return kind === 'scene' && place === 'lake' ? [] : [tile]
}
