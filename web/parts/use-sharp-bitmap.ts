import { useEffect, useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import type { Studio } from '../studio.ts'
import { bitmapOf, useBitmap } from './use-bitmap.ts'

/** Pixels of the longer side of what is shown first. */
const PREVIEW_EDGE = 1280
/** Of larger images a smaller version is the sharpest: decoded, one may take a gigabyte, which browsers of phones do not have. */
const MAX_PIXELS = 40_000_000
/** Pixels of the longer side of that version, the largest that the service makes. */
const LARGEST_EDGE = 4096

export interface SharpBitmap {
  /** The best that is there. */
  bitmap?: ImageBitmap
  isLoadingWhole: boolean
  /** Nothing can be shown. */
  hasFailed: boolean
}

/**
 * A smaller version of an image, and all of its pixels, or as many as can be shown, as soon as they are needed.
 * @param scale pixels of the screen for each pixel of the image
 */
export function useSharpBitmap(studio: Studio, image: StudioImage | undefined, scale: number): SharpBitmap {
  const [isNeeded, setNeeded] = useState(false)
  const longer = image === undefined ? 0 : Math.max(image.width, image.height)
  const isWanted = longer * scale > Math.min(longer, PREVIEW_EDGE) * 1.1
  useEffect(() => setNeeded(false), [image?.id])
  useEffect(() => {
    if (isWanted) setNeeded(true)
  }, [isWanted])
  const preview = useBitmap(studio, image?.id, PREVIEW_EDGE)
  const isHuge = image !== undefined && image.width * image.height > MAX_PIXELS
  const whole = useBitmap(studio, isNeeded ? image?.id : undefined, isHuge ? LARGEST_EDGE : undefined)
  const bitmap = bitmapOf(whole) ?? bitmapOf(preview)
  return {
    ...(bitmap !== undefined && { bitmap }),
    isLoadingWhole: isNeeded && whole === undefined,
    hasFailed: bitmap === undefined && [whole, preview].some((state) => state !== undefined && 'error' in state),
  }
}
