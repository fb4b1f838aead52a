import { useEffect, useRef } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import type { Studio } from '../studio.ts'
import { formatSize } from '../texts/format.ts'
import { bitmapOf, useBitmap } from './use-bitmap.ts'

export interface ImageViewProps {
  studio: Studio
  image: StudioImage
  /** Pixels of the longer side; absent: the whole image. */
  maxEdge?: number
}

/** An image as a canvas that fills the width of its parent, with its shape reserved while it loads. Hosts forbid `<img>`. */
export function ImageView({ studio, image, maxEdge }: ImageViewProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const state = useBitmap(studio, image.id, maxEdge)
  const bitmap = bitmapOf(state)
  useEffect(() => {
    const element = canvas.current
    if (element === null || bitmap === undefined) return
    element.width = bitmap.width
    element.height = bitmap.height
    element.getContext('2d')?.drawImage(bitmap, 0, 0)
  }, [bitmap])
  const { app } = studio.texts
  if (state !== undefined && 'error' in state) return <p class="image-failed">{app.imageFailed}</p>
  return (
    <canvas
      ref={canvas}
      class={bitmap === undefined ? 'image loading' : 'image'}
      width={image.width}
      height={image.height}
      role="img"
      aria-label={app.imageLabel(image.prompt, formatSize(image))}
    />
  )
}
