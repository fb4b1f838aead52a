import { useCallback, useLayoutEffect, useRef } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import type { Size } from '../editor/geometry.ts'
import type { Studio } from '../studio.ts'
import { formatSize } from '../texts/format.ts'
import { shortPrompt } from '../texts/short-prompt.ts'
import { drawImage, paint } from './canvas-pixels.ts'
import { usePanZoom } from './use-pan-zoom.ts'
import { useSharpBitmap } from './use-sharp-bitmap.ts'
import { ZoomBar } from './zoom-bar.tsx'

/** One image that can be zoomed and moved. */
export function ImageStage({ studio, image }: { studio: Studio; image: StudioImage }) {
  const { texts } = studio
  const { width, height } = image
  const canvas = useRef<HTMLCanvasElement>(null)
  const frameOf = useCallback((stage: Size) => ({ image: { width, height }, stage }), [width, height])
  const panZoom = usePanZoom({ frameOf })
  const { element, state, isFit, handlers } = panZoom
  const scale = state?.view.scale ?? 0
  const { bitmap, isLoadingWhole, hasFailed } = useSharpBitmap(studio, image, scale * devicePixelRatio)

  useLayoutEffect(() => {
    if (canvas.current === null || state === undefined) return
    const { view, stage } = state
    const place = { x: view.x, y: view.y, width: width * view.scale, height: height * view.scale }
    paint(canvas.current, stage, (context) => bitmap && drawImage(context, bitmap, place))
  }, [state, bitmap, width, height])

  const status = hasFailed
    ? texts.app.imageFailed
    : bitmap === undefined
      ? texts.app.loading
      : isLoadingWhole
        ? texts.viewer.loadingWhole
        : ''
  return (
    <div class="image-stage">
      <div
        ref={element}
        class={isFit ? 'view' : 'view zoomed'}
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys zoom and move the image
        tabIndex={0}
        aria-label={texts.viewer.stage}
        {...handlers}
      >
        <canvas
          ref={canvas}
          role="img"
          aria-label={texts.app.imageLabel(shortPrompt(image.prompt), formatSize(image))}
        />
        {status !== '' && (
          <p class="view-status" role="status">
            {status}
          </p>
        )}
      </div>
      <ZoomBar studio={studio} panZoom={panZoom} scale={scale} />
    </div>
  )
}
