import type { Point } from './geometry.ts'
import { type Gesture, Gestures } from './gestures.ts'
import { wheelFactor } from './viewport.ts'

/** What a person wants of the stage. Places are in CSS pixels of the stage. */
export interface StageCommands {
  apply(gesture: Gesture): void
  /** Where the pointer is; undefined: elsewhere. */
  point(place: Point | undefined): void
  /** @param anchor absent: the middle */
  zoomBy(factor: number, anchor?: Point): void
  /** Keys. @returns whether the key means something here */
  press(key: string, isCoarse: boolean): boolean
  /** Begins a stroke at the cursor, or ends it there. */
  paintAtCursor(): void
  blur(): void
}

/** Listens to pointers, wheel and keys of the stage until the signal is aborted. */
export class StageInput {
  readonly #stage: HTMLElement
  readonly #commands: StageCommands
  readonly #gestures = new Gestures()
  /** Space is down: `pan` once the image was moved, so that it paints nothing. */
  #space: 'up' | 'down' | 'pan' = 'up'

  constructor(stage: HTMLElement, commands: StageCommands, signal: AbortSignal) {
    this.#stage = stage
    this.#commands = commands
    const options = { signal }
    stage.addEventListener('pointerdown', (event) => this.#onPointerDown(event), options)
    stage.addEventListener('pointermove', (event) => this.#onPointerMove(event), options)
    stage.addEventListener('pointerup', ({ pointerId }) => this.#apply(this.#gestures.up({ id: pointerId })), options)
    for (const type of ['pointercancel', 'lostpointercapture'] as const) {
      stage.addEventListener(type, ({ pointerId }) => this.#apply(this.#gestures.cancel({ id: pointerId })), options)
    }
    stage.addEventListener('pointerleave', () => commands.point(undefined), options)
    // A long press of a finger is the beginning of a stroke.
    stage.addEventListener('contextmenu', (event) => event.preventDefault(), options)
    stage.addEventListener('wheel', (event) => this.#onWheel(event), { ...options, passive: false })
    stage.addEventListener('keydown', (event) => this.#onKeyDown(event), options)
    stage.addEventListener('keyup', (event) => this.#onKeyUp(event), options)
    stage.addEventListener('blur', () => this.#onBlur(), options)
  }

  #placeOf({ clientX, clientY }: MouseEvent): Point {
    const { left, top } = this.#stage.getBoundingClientRect()
    return [clientX - left, clientY - top]
  }

  #onPointerDown(event: PointerEvent): void {
    event.preventDefault()
    this.#stage.focus({ preventScroll: true })
    this.#stage.setPointerCapture(event.pointerId)
    const { pointerId: id, pointerType: type, button, isPrimary } = event
    const place = this.#placeOf(event)
    this.#commands.point(type === 'touch' ? undefined : place)
    this.#apply(this.#gestures.down({ id, type, button, isPrimary, place }, this.#space !== 'up'))
  }

  #onPointerMove(event: PointerEvent): void {
    const { pointerId: id, pointerType } = event
    const events = event.getCoalescedEvents?.() ?? []
    for (const each of events.length === 0 ? [event] : events) {
      this.#apply(this.#gestures.move({ id, place: this.#placeOf(each) }))
    }
    if (pointerType !== 'touch') this.#commands.point(this.#placeOf(event))
  }

  #apply(gestures: readonly Gesture[]): void {
    for (const gesture of gestures) {
      if (gesture.kind === 'pan' && this.#space === 'down') this.#space = 'pan'
      this.#commands.apply(gesture)
    }
  }

  /** Without Ctrl the wheel belongs to the page, or to the chat around it. */
  #onWheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    this.#commands.zoomBy(wheelFactor(event.deltaY, event.deltaMode), this.#placeOf(event))
  }

  #onKeyDown(event: KeyboardEvent): void {
    const { key, repeat, shiftKey } = event
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (key === ' ') this.#space = this.#space === 'up' ? 'down' : this.#space
    else if (key === 'Enter') {
      if (!repeat) this.#commands.paintAtCursor()
    } else if (!this.#commands.press(key, shiftKey)) return
    event.preventDefault()
  }

  /** Space paints when it is released, because with the mouse it moves the image. */
  #onKeyUp({ key }: KeyboardEvent): void {
    if (key !== ' ') return
    const wasDown = this.#space === 'down'
    this.#space = 'up'
    if (wasDown) this.#commands.paintAtCursor()
  }

  #onBlur(): void {
    this.#space = 'up'
    this.#commands.blur()
  }
}
