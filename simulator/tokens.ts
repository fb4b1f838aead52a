import type { Size } from './models.ts'

/**
 * The tokens that gpt-image counts, as published and reported: the tables of
 * https://developers.openai.com/api/docs/guides/image-generation, and for gpt-image-2 what its price calculator does.
 */

type Table = Readonly<Record<string, readonly [square: number, tall: number, wide: number]>>

const first: Table = { low: [272, 408, 400], medium: [1056, 1584, 1568], high: [4160, 6240, 6208] }
const mini: Table = { low: [625, 750, 750], medium: [1375, 1875, 1875], high: [4500, 6500, 6500] }
/** `xhigh` and `max` are not published: numbers that are higher. */
const cells: Readonly<Record<string, number>> = { low: 16, medium: 48, high: 96, xhigh: 128, max: 160 }

const usesGrid = (model: string): boolean => model.startsWith('gpt-image-2')

export function outputTokens(model: string, quality: string | undefined, { width, height }: Size): number {
  const chosen = quality === undefined || quality === 'auto' ? 'high' : quality
  if (!usesGrid(model)) {
    const row = (model === 'gpt-image-1-mini' ? mini : first)[chosen] ?? [0, 0, 0]
    return width === height ? row[0] : width < height ? row[1] : row[2]
  }
  const long = cells[chosen] ?? 0
  const short = Math.floor(
    (2 * long * Math.min(width, height) + Math.max(width, height)) / (2 * Math.max(width, height)),
  )
  return Math.floor((long * short * (2_000_000 + width * height) + 3_999_999) / 4_000_000)
}

/** Of one image of an edit. */
export function inputTokens(model: string, { width, height }: Size, isHighFidelity: boolean): number {
  return usesGrid(model) ? patches(width, height) : tiles(width, height) + (isHighFidelity ? extra(width, height) : 0)
}

const extra = (width: number, height: number): number => (width === height ? 4160 : 6240)

function tiles(width: number, height: number): number {
  const shrink = Math.max(1, Math.min(width, height) / 512)
  const across = Math.max(1, Math.ceil(Math.floor(width / shrink) / 512))
  const down = Math.max(1, Math.ceil(Math.floor(height / shrink) / 512))
  return 65 + 129 * across * down
}

const patchBudget = 1536

function patches(width: number, height: number): number {
  const enlarged = Math.min(2, Math.max(1, 1024 / Math.max(width, height)))
  const long = Math.max(width, height) * enlarged
  const short = Math.max(Math.min(width, height) * enlarged, long / 3)
  const count = Math.ceil(long / 32) * Math.ceil(short / 32)
  if (count <= patchBudget) return count
  const shrink = Math.sqrt((patchBudget * 32 * 32) / (long * short))
  return Math.min(patchBudget, Math.ceil((long * shrink) / 32) * Math.ceil((short * shrink) / 32))
}
