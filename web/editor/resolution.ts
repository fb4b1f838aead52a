/** Up to this many bytes the stored file is loaded, otherwise a smaller version that the service makes. */
const maxWholeBytes = 4_000_000
/** Pixels of the longer side. The last is what browsers of phones can show. */
const levels = [1_024, 2_048, 4_096] as const

interface ImageSize {
  readonly width: number
  readonly height: number
  readonly bytes: number
}

/**
 * The version of an image that is loaded so that it is sharp on the screen.
 * @param pixels device pixels that its longer side takes
 * @returns the argument `maxEdge` of `Bitmaps.lease`: undefined is the stored file
 */
export function sharpEdge({ width, height, bytes }: ImageSize, pixels: number): number | undefined {
  const edge = Math.max(width, height)
  const level = levels.find((one) => one >= pixels) ?? levels[2]
  if (level < edge) return level
  return bytes <= maxWholeBytes && edge <= levels[2] ? undefined : Math.min(levels[2], edge)
}

/** Whether a version shows more than another, as arguments `maxEdge`. */
export const isSharper = (one: number | undefined, other: number | undefined): boolean =>
  (one ?? Number.POSITIVE_INFINITY) > (other ?? Number.POSITIVE_INFINITY)
