import { useEffect, useRef, useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import { mayPass, toStudioError } from '../bridge/studio-error.ts'
import type { Studio } from '../studio.ts'
import { bitmapOf, useBitmap } from './use-bitmap.ts'
import { useVisible } from './use-visible.ts'

/** Pixels of the longer side. */
export const THUMBNAIL_EDGE = 320
/** After a failure that may pass, as long as it is visible: many thumbnails may exceed a limit of calls. */
const RETRY_AFTER_MS = 10_000
/** Of the sides: what is longer is shown whole, not cut to a square. */
const MAX_RATIO = 2.2

/**
 * A small version in a square, loaded and drawn only while it is visible. Screen readers ignore it: the element around it has
 * the words.
 */
export function Thumbnail({ studio, image }: { studio: Studio; image: StudioImage }) {
  const frame = useRef<HTMLSpanElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const isVisible = useVisible(frame)
  const [isPaused, setPaused] = useState(false)
  const state = useBitmap(studio, isVisible && !isPaused ? image.id : undefined, THUMBNAIL_EDGE)
  const error = state !== undefined && 'error' in state ? toStudioError(state.error) : undefined
  useEffect(() => {
    if (isPaused) setPaused(false)
    if (error === undefined || !mayPass(error)) return
    const timer = setTimeout(() => setPaused(true), Math.max(RETRY_AFTER_MS, error.retryAfterMs ?? 0))
    return () => clearTimeout(timer)
  }, [isPaused, error?.kind, error?.retryAfterMs])
  const bitmap = bitmapOf(state)
  useEffect(() => {
    const element = canvas.current
    if (element === null || bitmap === undefined) return
    element.width = bitmap.width
    element.height = bitmap.height
    element.getContext('2d')?.drawImage(bitmap, 0, 0)
    // Else the pixels stay in memory until the element is collected.
    return () => {
      element.width = 0
    }
  }, [bitmap])
  const { width, height } = image
  const isLong = Math.max(width / height, height / width) > MAX_RATIO
  return (
    <span ref={frame} class={isLong ? 'thumbnail whole' : 'thumbnail'} aria-hidden="true">
      {bitmap !== undefined && <canvas ref={canvas} />}
      {error !== undefined && <span class="thumbnail-failed">!</span>}
    </span>
  )
}
