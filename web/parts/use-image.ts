import { useEffect, useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import type { Studio } from '../studio.ts'

/** The facts of an image. Undefined: they are loading. */
export type ImageState = { image: StudioImage } | { error: unknown } | undefined

/** While another image loads, the state stays that of the one before. */
export function useImage({ data }: Pick<Studio, 'data'>, id: string): ImageState {
  const [state, setState] = useState<ImageState>()
  useEffect(() => {
    const abort = new AbortController()
    data.image(id, abort.signal).then(
      (image) => {
        if (!abort.signal.aborted) setState({ image })
      },
      (error) => {
        if (!abort.signal.aborted) setState({ error })
      },
    )
    return () => abort.abort()
  }, [data, id])
  return state
}

export const imageOf = (state: ImageState): StudioImage | undefined =>
  state !== undefined && 'image' in state ? state.image : undefined
