import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import type { Point, Size } from '../editor/geometry.ts'
import { drawImage, paint } from '../parts/canvas-pixels.ts'
import { usePanZoom } from '../parts/use-pan-zoom.ts'
import { useSharpBitmap } from '../parts/use-sharp-bitmap.ts'
import { ZoomBar } from '../parts/zoom-bar.tsx'
import type { Studio } from '../studio.ts'
import { formatSize } from '../texts/format.ts'
import { shortPrompt } from '../texts/short-prompt.ts'
import { type CompareLayout, type CompareMode, layoutCompare, paneAt, paneSize, splitAt } from './compare-layout.ts'
import { drawDivider, drawLabel } from './compare-marks.ts'

/** CSS pixels on either side of the divider where a drag moves it. */
const GRIP = 22

export interface CompareStageProps {
  studio: Studio
  images: readonly [StudioImage, StudioImage]
  mode: CompareMode
}

/** Both images in one canvas, zoomed and moved together. */
export function CompareStage({ studio, images, mode }: CompareStageProps) {
  const { compare, app } = studio.texts
  const [before, after] = images
  const canvas = useRef<HTMLCanvasElement>(null)
  const [split, setSplit] = useState(0.5)
  const dragged = useRef<number | undefined>(undefined)
  const frameOf = useCallback((stage: Size) => ({ image: paneSize(mode, stage), stage: paneSize(mode, stage) }), [mode])
  const inFrame = (place: Point, stage: Size) => paneAt(mode, place, stage)
  const panZoom = usePanZoom({ frameOf, inFrame })
  const { element, state, isFit, handlers } = panZoom
  const layout = state && layoutCompare(mode, { stage: state.stage, images, split, view: state.view })
  const [first, second] = layout?.panes ?? []
  const bitmaps = [
    useSharpBitmap(studio, before, (first?.image.width ?? 0) * (devicePixelRatio / before.width)),
    useSharpBitmap(studio, after, (second?.image.width ?? 0) * (devicePixelRatio / after.width)),
  ] as const
  const [{ bitmap: one }, { bitmap: other }] = bitmaps

  useLayoutEffect(() => {
    if (canvas.current === null || state === undefined || layout === undefined) return
    paint(canvas.current, state.stage, (context) => {
      layout.panes.forEach(({ clip, image }, index) => {
        const bitmap = index === 0 ? one : other
        context.save()
        context.beginPath()
        context.rect(clip.x, clip.y, clip.width, clip.height)
        context.clip()
        if (bitmap !== undefined) drawImage(context, bitmap, image)
        drawLabel(context, clip, {
          text: index === 0 ? compare.before : compare.after,
          isAtEnd: mode === 'slider' && index === 1,
        })
        context.restore()
      })
      if (mode === 'slider') drawDivider(context, dividerOf(layout), state.stage.height)
    })
  })

  const placeOf = ({ clientX }: PointerEvent) => clientX - (element.current?.getBoundingClientRect().left ?? 0)
  const moves = {
    ...handlers,
    onPointerDown(event: PointerEvent) {
      const isOnDivider = layout !== undefined && Math.abs(placeOf(event) - dividerOf(layout)) <= GRIP
      const isSplit = mode === 'slider' && event.button === 0 && (isFit || isOnDivider) && dragged.current === undefined
      // A second finger begins to pinch.
      dragged.current = isSplit ? event.pointerId : undefined
      if (isSplit && layout !== undefined) setSplit(splitAt(placeOf(event), layout.track))
      if (!isSplit || isFit) handlers.onPointerDown(event)
      else element.current?.setPointerCapture(event.pointerId)
    },
    onPointerMove(event: PointerEvent) {
      if (event.pointerId === dragged.current && layout !== undefined) setSplit(splitAt(placeOf(event), layout.track))
      handlers.onPointerMove(event)
    },
    onPointerUp(event: PointerEvent) {
      dragged.current = undefined
      handlers.onPointerUp(event)
    },
    onPointerCancel(event: PointerEvent) {
      dragged.current = undefined
      handlers.onPointerCancel(event)
    },
  }
  const label = (image: StudioImage) => app.imageLabel(shortPrompt(image.prompt), formatSize(image))
  const status = bitmaps.some(({ hasFailed }) => hasFailed)
    ? app.imageFailed
    : one === undefined || other === undefined
      ? app.loading
      : ''
  return (
    <div class="image-stage">
      <div
        ref={element}
        class={`view ${mode} ${isFit ? '' : 'zoomed'}`}
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys zoom and move the images
        tabIndex={0}
        aria-label={compare.stage}
        {...moves}
      >
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${compare.before}: ${label(before)}. ${compare.after}: ${label(after)}`}
        />
        {status !== '' && (
          <p class="view-status" role="status">
            {status}
          </p>
        )}
      </div>
      {mode === 'slider' && (
        <input
          type="range"
          min="0"
          max="100"
          value={Math.round(split * 100)}
          aria-label={compare.split}
          aria-valuetext={`${Math.round(split * 100)}%`}
          onInput={({ currentTarget }) => setSplit(Number(currentTarget.value) / 100)}
        />
      )}
      <ZoomBar studio={studio} panZoom={panZoom} />
    </div>
  )
}

const dividerOf = ({ panes: [{ clip }] }: CompareLayout): number => clip.x + clip.width
