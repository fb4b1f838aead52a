import { useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import type { Studio } from '../studio.ts'
import type { Point } from './geometry.ts'
import { IconButton } from './icons.tsx'
import type { Tool } from './live-stroke.ts'
import { StageController } from './stage-controller.ts'
import type { MaskOperation } from './strokes.ts'
import { useSharpBitmap } from './use-sharp-bitmap.ts'
import { zoomStep } from './viewport.ts'

export interface StageProps {
  studio: Studio
  image: StudioImage
  operations: readonly MaskOperation[]
  tool: Tool
  /** Of the brush, in pixels of the image. */
  size: number
  /** Pixels of the image over which the mask's edge is blended. */
  feather: number
  isMaskShown: boolean
  onMaskShown(isShown: boolean): void
  onOperation(operation: MaskOperation): void
  onSize(direction: 1 | -1): void
}

/** The image with its mask, on which one paints. */
export function Stage(props: StageProps) {
  const { studio, image, operations, tool, size, feather, isMaskShown, onMaskShown, onOperation, onSize } = props
  const texts = studio.texts.editor
  const help = useId()
  const [view, setView] = useState({ scale: 1, isWhole: true, pixels: 0 })
  const bitmap = useSharpBitmap(studio, image, view.pixels)
  const stage = useRef<HTMLDivElement>(null)
  const imageCanvas = useRef<HTMLCanvasElement>(null)
  const overlay = useRef<HTMLCanvasElement>(null)
  const brush = useRef<HTMLDivElement>(null)
  const box = useRef<HTMLDivElement>(null)
  const controller = useRef<StageController>(null)

  const state = useMemo(
    () => ({ image: { width: image.width, height: image.height }, bitmap, operations, tool, size, feather }),
    [image.width, image.height, bitmap, operations, tool, size, feather],
  )
  const current = useRef({ onOperation, onSize, onCursor: (_place: Point, _state: string) => {}, leave: studio.back })
  current.current = { onOperation, onSize, leave: studio.back, onCursor: (place, what) => announceCursor(place, what) }

  function announceCursor([x, y]: Point, what: string): void {
    if (what === 'begun') studio.announce(texts.strokeBegun(x, y))
    else studio.announce(what === 'discarded' ? texts.strokeDiscarded : texts.cursorAt(x, y))
  }

  useLayoutEffect(() => {
    if (!stage.current || !imageCanvas.current || !overlay.current || !brush.current || !box.current) return
    const elements = {
      stage: stage.current,
      image: imageCanvas.current,
      overlay: overlay.current,
      brush: brush.current,
      box: box.current,
    }
    const created = new StageController(elements, state, {
      onOperation: (operation) => current.current.onOperation(operation),
      onSize: (direction) => current.current.onSize(direction),
      onLeave: () => current.current.leave(),
      onView: (scale, isWhole, pixels) => setView({ scale, isWhole, pixels }),
      onCursor: (place, what) => current.current.onCursor(place, what),
    })
    controller.current = created
    return () => {
      controller.current = null
      created.dispose()
    }
    // The controller is told of everything else by `update`.
  }, [image.id])
  // Before the next frame, so that a stroke does not vanish between its end and its place in the list.
  useLayoutEffect(() => controller.current?.update(state), [state])

  return (
    <div class="mask-frame">
      <div
        ref={stage}
        class="mask-stage"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys paint on it
        tabIndex={0}
        aria-label={texts.stage}
        aria-describedby={help}
        data-tool={tool}
      >
        <canvas ref={imageCanvas} />
        <canvas ref={overlay} class="overlay" hidden={!isMaskShown} />
        <div ref={box} class="mask-box" hidden />
        <div ref={brush} class="mask-brush" hidden />
        {bitmap === undefined && <p class="mask-note">{texts.loadingImage}</p>}
      </div>
      <p id={help} class="visually-hidden">
        {texts.stageHelp}
      </p>
      <div class="mask-zoom">
        <IconButton
          icon={isMaskShown ? 'shown' : 'hidden'}
          label={isMaskShown ? texts.hideMask : texts.showMask}
          onClick={() => onMaskShown(!isMaskShown)}
        />
        <IconButton
          icon="minus"
          label={texts.zoomOut}
          isDisabled={view.isWhole}
          onClick={() => controller.current?.zoomBy(1 / zoomStep)}
        />
        <output>{texts.zoom(Math.round(view.scale * 100))}</output>
        <IconButton icon="plus" label={texts.zoomIn} onClick={() => controller.current?.zoomBy(zoomStep)} />
        <IconButton
          icon="fit"
          label={texts.zoomFit}
          isDisabled={view.isWhole}
          onClick={() => controller.current?.fit()}
        />
      </div>
    </div>
  )
}
