import { useEffect, useRef, useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import type { Lease } from '../data/bitmaps.ts'
import { sleep } from '../data/sleep.ts'
import type { Studio } from '../studio.ts'
import { isSharper, sharpEdge } from './resolution.ts'

/** So that a zoom on its way loads no version that it leaves again. */
const settleMs = 250

/**
 * The image as sharp as it is shown: once it is enlarged, a larger version takes the place of the first.
 * @param pixels device pixels that its longer side takes
 */
export function useSharpBitmap(studio: Studio, image: StudioImage, pixels: number): ImageBitmap | undefined {
  const { bitmaps, fail } = studio
  const shown = useRef<{ lease: Lease; edge: number | undefined } | undefined>(undefined)
  const [bitmap, setBitmap] = useState<ImageBitmap>()
  const edge = sharpEdge(image, pixels)

  useEffect(() => {
    if (pixels === 0 || (shown.current !== undefined && !isSharper(edge, shown.current.edge))) return
    const abort = new AbortController()
    const load = async () => {
      if (shown.current !== undefined) await sleep(settleMs, abort.signal)
      return await bitmaps.lease(image.id, edge, abort.signal)
    }
    load().then(
      (lease) => {
        const before = shown.current
        shown.current = { lease, edge }
        setBitmap(lease.bitmap)
        // After the next render, which must not draw a closed bitmap.
        if (before !== undefined) setTimeout(before.lease.release)
      },
      (error) => {
        if (!abort.signal.aborted) fail(error)
      },
    )
    return () => abort.abort()
  }, [bitmaps, fail, image.id, edge, pixels === 0])

  useEffect(
    () => () => {
      const last = shown.current
      shown.current = undefined
      setTimeout(() => last?.lease.release())
    },
    [],
  )
  return bitmap
}
