import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Point, Size } from '../editor/geometry.ts'
import { Gestures } from '../editor/gestures.ts'
import {
  type Frame,
  fitView,
  isFit,
  panBy,
  pinch,
  resized,
  type View,
  wheelFactor,
  zoomAt,
  zoomStep,
} from '../editor/viewport.ts'

export interface PanZoomOptions {
  /** What is moved in a stage of a size. The same function as long as the same is shown. */
  frameOf(stage: Size): Frame
  /** Where a place of the stage is in the frame; absent: the same. */
  inFrame?(place: Point, stage: Size): Point
}

export interface PanZoomState {
  stage: Size
  frame: Frame
  view: View
}

/** CSS pixels of one arrow key. */
const KEY_STEP = 48

/** Zooms and pans by pointers, Ctrl and wheel, and keys. Spread `handlers` over the element of `element`. */
export function usePanZoom({ frameOf, inFrame = (place) => place }: PanZoomOptions) {
  const element = useRef<HTMLDivElement>(null)
  const [state, setState] = useState<PanZoomState>()
  const gestures = useRef(new Gestures())
  const toFrame = useRef(inFrame)
  toFrame.current = inFrame

  const change = (by: (view: View, frame: Frame) => View) =>
    setState((last) => last && { ...last, view: by(last.view, last.frame) })
  const zoom = (factor: number, place?: Point) =>
    setState((last) => {
      if (last === undefined) return last
      const anchor = place ?? [last.frame.stage.width / 2, last.frame.stage.height / 2]
      return {
        ...last,
        view: zoomAt(last.view, factor, place ? toFrame.current(place, last.stage) : anchor, last.frame),
      }
    })
  const placeOf = ({ clientX, clientY }: MouseEvent): Point => {
    const box = element.current?.getBoundingClientRect()
    return [clientX - (box?.left ?? 0), clientY - (box?.top ?? 0)]
  }

  useLayoutEffect(() => {
    const target = element.current
    if (target === null) return
    const measure = () => {
      const stage = { width: target.clientWidth, height: target.clientHeight }
      if (stage.width > 0 && stage.height > 0) setState((last) => measured(last, stage, frameOf(stage)))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(target)
    return () => observer.disconnect()
  }, [frameOf])

  useEffect(() => {
    const target = element.current
    // The wheel alone scrolls the page or the chat.
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return
      event.preventDefault()
      zoom(wheelFactor(event.deltaY, event.deltaMode), placeOf(event))
    }
    target?.addEventListener('wheel', onWheel, { passive: false })
    return () => target?.removeEventListener('wheel', onWheel)
  }, [])

  const apply = (moves: ReturnType<Gestures['move']>) => {
    for (const move of moves) {
      if (move.kind === 'pan') change((view, frame) => panBy(view, move.by, frame))
      if (move.kind !== 'pinch') continue
      const { from, to } = move
      setState((last) => {
        if (last === undefined) return last
        const within = (pair: readonly [Point, Point]): readonly [Point, Point] => [
          toFrame.current(pair[0], last.stage),
          toFrame.current(pair[1], last.stage),
        ]
        return { ...last, view: pinch(last.view, within(from), within(to), last.frame) }
      })
    }
  }
  const inputOf = (event: PointerEvent) => ({
    id: event.pointerId,
    type: event.pointerType,
    button: event.button,
    isPrimary: event.isPrimary,
    place: placeOf(event),
  })

  return {
    element,
    state,
    isFit: state === undefined || isFit(state.view, state.frame),
    zoomIn: () => zoom(zoomStep),
    zoomOut: () => zoom(1 / zoomStep),
    fit: () => change((_, frame) => fitView(frame)),
    /** One pixel of the image as one of CSS. */
    actualSize: () => setState((last) => last && { ...last, view: actual(last) }),
    handlers: {
      onPointerDown(event: PointerEvent) {
        element.current?.setPointerCapture(event.pointerId)
        apply(gestures.current.down(inputOf(event), true))
      },
      onPointerMove: (event: PointerEvent) => apply(gestures.current.move(inputOf(event))),
      onPointerUp: (event: PointerEvent) => apply(gestures.current.up(inputOf(event))),
      onPointerCancel: (event: PointerEvent) => apply(gestures.current.cancel(inputOf(event))),
      onDblClick(event: MouseEvent) {
        if (state === undefined) return
        if (isFit(state.view, state.frame)) zoom(2.5, placeOf(event))
        else change((_, frame) => fitView(frame))
      },
      onKeyDown(event: KeyboardEvent) {
        if (event.target !== element.current || event.ctrlKey || event.metaKey || event.altKey) return
        const by = keyChanges[event.key]
        // Of a whole image there is nothing to pan: arrows scroll the page.
        if (
          by === undefined ||
          (event.key.startsWith('Arrow') && state !== undefined && isFit(state.view, state.frame))
        )
          return
        event.preventDefault()
        change(by)
      },
    },
  }
}

const middleOf = ({ stage }: Frame): Point => [stage.width / 2, stage.height / 2]
const pan = (x: number, y: number) => (view: View, frame: Frame) => panBy(view, [x * KEY_STEP, y * KEY_STEP], frame)
const zoomIn = (view: View, frame: Frame) => zoomAt(view, zoomStep, middleOf(frame), frame)
const zoomOut = (view: View, frame: Frame) => zoomAt(view, 1 / zoomStep, middleOf(frame), frame)

const keyChanges: Readonly<Record<string, (view: View, frame: Frame) => View>> = {
  '+': zoomIn,
  '=': zoomIn,
  '-': zoomOut,
  '0': (_, frame) => fitView(frame),
  ArrowLeft: pan(1, 0),
  ArrowRight: pan(-1, 0),
  ArrowUp: pan(0, 1),
  ArrowDown: pan(0, -1),
}

const actual = ({ view, frame }: PanZoomState): View => zoomAt(view, 1 / view.scale, middleOf(frame), frame)

function measured(last: PanZoomState | undefined, stage: Size, frame: Frame): PanZoomState {
  const { image } = frame
  const isSame =
    last !== undefined && last.frame.image.width === image.width && last.frame.image.height === image.height
  return { stage, frame, view: isSame ? resized(last.view, last.frame.stage, frame) : fitView(frame) }
}
