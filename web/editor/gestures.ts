import type { Point } from './geometry.ts'

/** What is used of a pointer event. Places are in CSS pixels of the stage. */
export interface PointerInput {
  readonly id: number
  readonly type: string
  readonly button: number
  /** The first of its type: no other finger is down. */
  readonly isPrimary: boolean
  readonly place: Point
}

export type Gesture =
  | { readonly kind: 'begin'; readonly place: Point }
  | { readonly kind: 'extend'; readonly place: Point }
  | { readonly kind: 'end' }
  | { readonly kind: 'discard' }
  | { readonly kind: 'pan'; readonly by: Point }
  | { readonly kind: 'pinch'; readonly from: readonly [Point, Point]; readonly to: readonly [Point, Point] }

/** A stroke that got this far, in CSS pixels, is kept when a second finger comes down; a shorter one began the pinch. */
const meantLength = 24

type State =
  | { kind: 'idle' | 'waiting' }
  | { kind: 'paint'; id: number; type: string; from: Point; reach: number }
  | { kind: 'pan'; id: number; last: Point }
  | { kind: 'pinch'; ids: readonly [number, number] }

/**
 * Reads pointers as painting, panning and pinching: one finger, pen or main button paints, two fingers pan and zoom, the
 * middle button (or any with `isPanning`) pans. After a pinch nothing is painted before every finger is up.
 */
export class Gestures {
  #state: State = { kind: 'idle' }
  readonly #touches = new Map<number, Point>()

  down(input: PointerInput, isPanning: boolean): Gesture[] {
    const { id, type, button, isPrimary, place } = input
    if (type === 'touch' && isPrimary && this.#touches.size > 0)
      return [...this.#forget(), ...this.down(input, isPanning)]
    if (type === 'touch') this.#touches.set(id, place)
    if (this.#touches.size === 2 && this.#state.kind !== 'waiting') return this.#beginPinch()
    if (this.#state.kind !== 'idle') return []
    if (button === 1 || (button === 0 && isPanning)) {
      this.#state = { kind: 'pan', id, last: place }
      return []
    }
    if (button !== 0) return []
    this.#state = { kind: 'paint', id, type, from: place, reach: 0 }
    return [{ kind: 'begin', place }]
  }

  move({ id, place }: Pick<PointerInput, 'id' | 'place'>): Gesture[] {
    const state = this.#state
    if (state.kind === 'paint' && state.id === id) {
      const { from } = state
      this.#state = { ...state, reach: Math.max(state.reach, Math.hypot(place[0] - from[0], place[1] - from[1])) }
      if (this.#touches.has(id)) this.#touches.set(id, place)
      return [{ kind: 'extend', place }]
    }
    if (state.kind === 'pan' && state.id === id) {
      this.#state = { ...state, last: place }
      return [{ kind: 'pan', by: [place[0] - state.last[0], place[1] - state.last[1]] }]
    }
    if (state.kind === 'pinch' && this.#touches.has(id)) return this.#movePinch(state.ids, id, place)
    return []
  }

  up({ id }: Pick<PointerInput, 'id'>): Gesture[] {
    return this.#release(id, 'end')
  }

  /** The system took the pointer, for a gesture of its own: what it began was not meant. */
  cancel({ id }: Pick<PointerInput, 'id'>): Gesture[] {
    return this.#release(id, 'discard')
  }

  /** Fingers whose end was never reported would keep everyone from painting. */
  #forget(): Gesture[] {
    return [...this.#touches.keys()].flatMap((id) => this.#release(id, 'discard'))
  }

  #release(id: number, kind: 'end' | 'discard'): Gesture[] {
    this.#touches.delete(id)
    const state = this.#state
    const isOwn = state.kind === 'pinch' ? state.ids.includes(id) : 'id' in state && state.id === id
    if (isOwn || state.kind === 'waiting') this.#state = { kind: this.#touches.size === 0 ? 'idle' : 'waiting' }
    return state.kind === 'paint' && isOwn ? [{ kind }] : []
  }

  /** A hand that rests on the screen beside a pen or a mouse is no pinch. */
  #beginPinch(): Gesture[] {
    const state = this.#state
    if (state.kind === 'paint' && state.type !== 'touch') return []
    const [first, second] = [...this.#touches.keys()]
    if (first === undefined || second === undefined) return []
    this.#state = { kind: 'pinch', ids: [first, second] }
    return state.kind === 'paint' ? [{ kind: state.reach >= meantLength ? 'end' : 'discard' }] : []
  }

  #movePinch([first, second]: readonly [number, number], id: number, place: Point): Gesture[] {
    const from = this.#pair(first, second)
    this.#touches.set(id, place)
    const to = this.#pair(first, second)
    return from && to ? [{ kind: 'pinch', from, to }] : []
  }

  #pair(first: number, second: number): readonly [Point, Point] | undefined {
    const [a, b] = [this.#touches.get(first), this.#touches.get(second)]
    return a && b ? [a, b] : undefined
  }
}
