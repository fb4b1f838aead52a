import { useEffect, useState } from 'preact/hooks'
import type { Studio } from '../studio.ts'

/** `bitmap` is valid until the next render with another one; it is closed by the cache, never by a screen. */
export type BitmapState = { bitmap: ImageBitmap } | { error: unknown } | undefined

export const bitmapOf = (state: BitmapState): ImageBitmap | undefined =>
  state !== undefined && 'bitmap' in state ? state.bitmap : undefined

/**
 * A decoded image while the component is shown. Undefined: it is loading.
 * @param id undefined: none yet
 * @param maxEdge pixels of the longer side; absent: the whole image
 */
export function useBitmap({ bitmaps }: Pick<Studio, 'bitmaps'>, id: string | undefined, maxEdge?: number): BitmapState {
  const [state, setState] = useState<BitmapState>()
  useEffect(() => {
    setState(undefined)
    if (id === undefined) return
    const abort = new AbortController()
    const leasing = bitmaps.lease(id, maxEdge, abort.signal)
    leasing.then(
      ({ bitmap }) => setState({ bitmap }),
      (error) => {
        if (!abort.signal.aborted) setState({ error })
      },
    )
    return () => {
      abort.abort()
      // After the next render, which must not draw a closed bitmap.
      leasing.then(
        (lease) => setTimeout(lease.release),
        () => {},
      )
    }
  }, [bitmaps, id, maxEdge])
  return state
}
