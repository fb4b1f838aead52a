import type { Point, Size } from './geometry.ts'
import type { Tool } from './live-stroke.ts'
import type { MaskOperation } from './strokes.ts'

/** What the stage shows and how it paints. */
export interface StageState {
  readonly image: Size
  /** In whatever resolution; undefined: it is loading. */
  readonly bitmap: ImageBitmap | undefined
  readonly operations: readonly MaskOperation[]
  readonly tool: Tool
  /** Of the brush, in pixels of the image. */
  readonly size: number
  /** Pixels of the image over which the mask's edge is blended. */
  readonly feather: number
}

export interface StageEvents {
  onOperation(operation: MaskOperation): void
  /** `[` and `]`. */
  onSize(direction: 1 | -1): void
  /** Escape, with nothing to discard. */
  onLeave(): void
  /** @param pixels device pixels that the longer edge of the image takes */
  onView(scale: number, isWhole: boolean, pixels: number): void
  /** What the keyboard did, for screen readers. `place` is in pixels of the image. */
  onCursor(place: Point, state: 'moved' | 'begun' | 'discarded'): void
}

export interface StageElements {
  /** Focusable; the others lie in it. */
  readonly stage: HTMLElement
  readonly image: HTMLCanvasElement
  readonly overlay: HTMLCanvasElement
  /** The outline of the brush. */
  readonly brush: HTMLElement
  /** The rectangle that is being drawn. */
  readonly box: HTMLElement
}
