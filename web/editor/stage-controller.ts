import { moveCursor } from './cursor.ts'
import type { Point, Size } from './geometry.ts'
import type { Gesture } from './gestures.ts'
import { LiveStroke } from './live-stroke.ts'
import { maxCanvasEdge, Painter } from './painter.ts'
import { type StageCommands, StageInput } from './stage-input.ts'
import { placeBox, placeBrush } from './stage-markers.ts'
import type { StageElements, StageEvents, StageState } from './stage-types.ts'
import {
  type Frame,
  fitView,
  isFit,
  panBy,
  pinch,
  resized,
  reveal,
  toImage,
  toStage,
  type View,
  zoomAt,
  zoomStep,
} from './viewport.ts'

/** After the last change of the view. Milliseconds. */
const settleMs = 100

/**
 * The stage between the browser and the models: it turns commands into operations and views, and draws at most once a frame.
 * Nothing of it passes through the components while a person paints.
 */
export class StageController implements StageCommands {
  readonly #elements: StageElements
  readonly #events: StageEvents
  readonly #painter: Painter
  readonly #listening = new AbortController()
  readonly #observer = new ResizeObserver(() => this.#resize())
  #state: StageState
  #stage: Size = { width: 0, height: 0 }
  #view: View
  #live: LiveStroke | undefined
  /** Of the keyboard, in pixels of the image; undefined until it is used. */
  #cursor: Point | undefined
  /** In CSS pixels of the stage; undefined: it is elsewhere. */
  #pointer: Point | undefined
  #frame = 0
  #isImageChanged = true
  #isMaskChanged = true
  /** What the mask is drawn for. While the view moves it follows without being drawn again. */
  #maskView: View | undefined
  #settling: ReturnType<typeof setTimeout> | undefined

  constructor(elements: StageElements, state: StageState, events: StageEvents) {
    this.#elements = elements
    this.#events = events
    this.#state = state
    this.#painter = new Painter(elements.image, elements.overlay)
    this.#view = fitView(this.#frameOf())
    const { signal } = this.#listening
    new StageInput(elements.stage, this, signal)
    for (const canvas of [elements.image, elements.overlay]) {
      canvas.addEventListener('contextrestored', () => this.#resize(), { signal })
    }
    this.#observer.observe(elements.stage)
    this.#resize()
  }

  update(state: StageState): void {
    const before = this.#state
    this.#state = state
    if (before.bitmap !== state.bitmap) this.#isImageChanged = true
    if (before.operations !== state.operations) this.#isMaskChanged = true
    this.#draw()
  }

  dispose(): void {
    this.#listening.abort()
    this.#observer.disconnect()
    cancelAnimationFrame(this.#frame)
    clearTimeout(this.#settling)
    this.#painter.dispose()
  }

  zoomBy(factor: number, anchor: Point = this.#middle): void {
    this.#setView(zoomAt(this.#view, factor, anchor, this.#frameOf()))
  }

  fit(): void {
    this.#setView(fitView(this.#frameOf()))
  }

  point(place: Point | undefined): void {
    this.#pointer = place
    this.#draw()
  }

  apply(gesture: Gesture): void {
    if (gesture.kind === 'begin') {
      this.#cursor = undefined
      this.#begin(toImage(this.#view, gesture.place))
    } else if (gesture.kind === 'extend') this.#extend(toImage(this.#view, gesture.place))
    else if (gesture.kind === 'end') this.#end()
    else if (gesture.kind === 'discard') this.#discard()
    else if (gesture.kind === 'pinch') this.#setView(pinch(this.#view, gesture.from, gesture.to, this.#frameOf()))
    else this.#setView(panBy(this.#view, gesture.by, this.#frameOf()))
  }

  press(key: string, isCoarse: boolean): boolean {
    const moved = moveCursor(this.#cursorPlace(), key, isCoarse, this.#view.scale, this.#state.image)
    if (moved !== undefined) this.#moveCursor(moved)
    else if (key === '[' || key === ']') this.#events.onSize(key === ']' ? 1 : -1)
    else if (key === '+' || key === '=') this.zoomBy(zoomStep)
    else if (key === '-') this.zoomBy(1 / zoomStep)
    else if (key === '0') this.fit()
    else if (key === 'Escape') this.#escape()
    else return false
    return true
  }

  paintAtCursor(): void {
    const cursor = this.#cursorPlace()
    this.#cursor = cursor
    if (this.#live !== undefined) this.#end()
    else {
      this.#begin(cursor)
      this.#events.onCursor(cursor, 'begun')
    }
  }

  blur(): void {
    if (this.#live !== undefined) this.#end()
    this.#cursor = undefined
    this.#draw()
  }

  get #middle(): Point {
    return [this.#stage.width / 2, this.#stage.height / 2]
  }

  #frameOf(): Frame {
    return { image: this.#state.image, stage: this.#stage }
  }

  /** Of the keyboard: in the middle of what is seen, until it is moved. */
  #cursorPlace(): Point {
    if (this.#cursor !== undefined) return this.#cursor
    const [x, y] = toImage(this.#view, this.#middle)
    return [Math.round(x), Math.round(y)]
  }

  #moveCursor(cursor: Point): void {
    this.#cursor = cursor
    this.#setView(reveal(this.#view, cursor, this.#frameOf()))
    this.#extend(cursor)
    this.#events.onCursor(cursor, 'moved')
    this.#draw()
  }

  #escape(): void {
    if (this.#live === undefined) {
      this.#events.onLeave()
      return
    }
    this.#discard()
    this.#events.onCursor(this.#cursorPlace(), 'discarded')
  }

  #begin(place: Point): void {
    if (this.#live !== undefined) this.#end()
    if (this.#settling !== undefined) this.#settle()
    this.#live = new LiveStroke(this.#state.tool, this.#state.size, place)
    this.#drawSegment(place, place)
    this.#draw()
  }

  #extend(place: Point): void {
    const from = this.#live?.extend(place)
    if (from !== undefined) this.#drawSegment(from, place)
  }

  /** At once and not with the next frame, which is the one that shows it. */
  #drawSegment(from: Point, to: Point): void {
    const live = this.#live
    const isRedrawn = this.#isMaskChanged || this.#maskView !== this.#view
    if (live === undefined || live.tool === 'rectangle' || isRedrawn) this.#draw()
    else this.#painter.drawSegment({ mode: live.mode, size: live.size, from, to }, this.#state.image, this.#view)
  }

  #end(): void {
    const operation = this.#live?.operation()
    this.#discard()
    if (operation !== undefined) this.#events.onOperation(operation)
  }

  #discard(): void {
    this.#live = undefined
    this.#isMaskChanged = true
    this.#draw()
  }

  #setView(view: View): void {
    const { scale, x, y } = this.#view
    if (view.scale === scale && view.x === x && view.y === y) return
    this.#view = view
    this.#isImageChanged = true
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => this.#settle(), settleMs)
    this.#reportView()
    this.#draw()
  }

  /** The view stands: everything is drawn as sharp as it can be. */
  #settle(): void {
    clearTimeout(this.#settling)
    this.#settling = undefined
    this.#isImageChanged = true
    this.#isMaskChanged = true
    this.#drawNow()
  }

  #reportView(): void {
    const { image } = this.#state
    const pixels = Math.max(image.width, image.height) * this.#view.scale * devicePixelRatio
    this.#events.onView(this.#view.scale, isFit(this.#view, this.#frameOf()), Math.min(pixels, maxCanvasEdge))
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#elements.stage
    if (width === 0 || height === 0) return
    const before = this.#stage
    this.#stage = { width, height }
    this.#view = before.width === 0 ? fitView(this.#frameOf()) : resized(this.#view, before, this.#frameOf())
    this.#painter.resize(this.#stage, devicePixelRatio)
    this.#maskView = undefined
    this.#reportView()
    // Not with the next frame: a canvas is empty after it got another size, and would flash.
    this.#settle()
  }

  #draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#drawNow())
  }

  #drawNow(): void {
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
    const { tool, size, feather } = this.#state
    const [view, live] = [this.#view, this.#live]
    this.#drawImage()
    this.#drawMask()
    // Sharp while it is painted, because a blur takes longer than a frame.
    const isStill = live === undefined && this.#settling === undefined
    this.#painter.blurMask(isStill ? feather * view.scale : 0)
    const place = this.#cursor === undefined ? this.#pointer : toStage(view, this.#cursor)
    placeBrush(this.#elements.brush, place, tool, size * view.scale)
    const corners =
      live?.tool === 'rectangle' ? { from: toStage(view, live.start), to: toStage(view, live.end) } : undefined
    placeBox(this.#elements.box, corners)
  }

  #drawImage(): void {
    const { bitmap, image } = this.#state
    if (!this.#isImageChanged || bitmap === undefined) return
    this.#isImageChanged = false
    this.#painter.drawImage(bitmap, image, this.#view, this.#settling !== undefined)
  }

  #drawMask(): void {
    const { operations, image } = this.#state
    const [view, drawn, live] = [this.#view, this.#maskView, this.#live]
    const isMoving = drawn !== view && drawn !== undefined && this.#settling !== undefined && live === undefined
    if (isMoving && !this.#isMaskChanged) this.#painter.moveMask(drawn, view)
    else if (this.#isMaskChanged || drawn !== view) {
      const shown = live?.tool === 'rectangle' ? undefined : live?.operation()
      this.#painter.drawMask(operations, image, view, drawn !== view, shown)
      this.#maskView = view
      this.#isMaskChanged = false
    }
  }
}
