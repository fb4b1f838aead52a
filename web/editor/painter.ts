import { edgesOf } from './coverage.ts'
import type { Point, Size } from './geometry.ts'
import type { BrushOperation, MaskMode, MaskOperation } from './strokes.ts'
import type { View } from './viewport.ts'

/** Operations between two snapshots, so that taking one back repeats at most as many. */
const snapshotEvery = 25
/** Device pixels of a canvas: browsers of phones show nothing above it. */
export const maxCanvasEdge = 4_096
/** The overlay is drawn opaque; its opacity is in the style sheet, so that strokes do not add up. */
const maskColor = '#ff2d78'

/** A segment of the stroke that is being painted. */
export interface Segment {
  readonly mode: MaskMode
  readonly size: number
  readonly from: Point
  readonly to: Point
}

/** Draws image and mask for one view, at the resolution of the screen, so that a stroke costs the same whatever the image's size. */
export class Painter {
  readonly #image: HTMLCanvasElement
  readonly #overlay: HTMLCanvasElement
  readonly #snapshot = document.createElement('canvas')
  #snapshotOf: readonly MaskOperation[] | undefined
  #ratio = 1

  constructor(image: HTMLCanvasElement, overlay: HTMLCanvasElement) {
    this.#image = image
    this.#overlay = overlay
  }

  /** @param ratio device pixels of a CSS pixel */
  resize({ width, height }: Size, ratio: number): void {
    this.#ratio = Math.min(ratio, maxCanvasEdge / Math.max(1, width, height))
    for (const canvas of [this.#image, this.#overlay]) {
      canvas.width = Math.max(1, Math.round(width * this.#ratio))
      canvas.height = Math.max(1, Math.round(height * this.#ratio))
    }
    this.#snapshotOf = undefined
  }

  /** @param bitmap the image, in whatever resolution. @param isMoving the next view comes at once: quick rather than smooth */
  drawImage(bitmap: ImageBitmap, { width, height }: Size, view: View, isMoving: boolean): void {
    const context = this.#image.getContext('2d')
    if (context === null) return
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.#image.width, this.#image.height)
    this.#transform(context, view)
    // Single pixels are shown as such where one takes several of the screen's.
    context.imageSmoothingEnabled = (view.scale * width) / bitmap.width < 3
    const isMuchSmaller = view.scale * this.#ratio * width < bitmap.width / 2
    context.imageSmoothingQuality = isMuchSmaller && !isMoving ? 'high' : 'low'
    context.drawImage(bitmap, 0, 0, width, height)
  }

  /**
   * The whole mask again.
   * @param isNewView nothing that was drawn before can be used
   * @param live what is being painted
   */
  drawMask(
    operations: readonly MaskOperation[],
    image: Size,
    view: View,
    isNewView: boolean,
    live: MaskOperation | undefined,
  ): void {
    const context = this.#overlay.getContext('2d')
    if (context === null) return
    if (isNewView) {
      this.#snapshotOf = undefined
      this.#overlay.style.transform = ''
    }
    const known = this.#knownOperations(operations)
    clear(context)
    if (known > 0) context.drawImage(this.#snapshot, 0, 0)
    context.save()
    this.#transform(context, view)
    clipTo(context, image)
    for (const [index, operation] of operations.entries()) {
      if (index < known) continue
      if (index > known && index % snapshotEvery === 0) this.#takeSnapshot(operations.slice(0, index))
      drawOperation(context, operation, image)
    }
    if (live !== undefined) drawOperation(context, live, image)
    context.restore()
  }

  /** Adds to what is drawn. */
  drawSegment({ mode, size, from, to }: Segment, image: Size, view: View): void {
    const context = this.#overlay.getContext('2d')
    if (context === null) return
    context.save()
    this.#transform(context, view)
    clipTo(context, image)
    drawOperation(context, { kind: 'brush', mode, size, points: [from, to] }, image)
    context.restore()
  }

  /** Frees the memory of the canvases at once: some browsers keep it until much later. */
  dispose(): void {
    for (const canvas of [this.#image, this.#overlay, this.#snapshot]) {
      canvas.width = 0
      canvas.height = 0
    }
    this.#snapshotOf = undefined
  }

  /** Shows the mask that was drawn for one view as it lies in another: not sharp, and without what was outside, but at once. */
  moveMask(from: View, to: View): void {
    const factor = to.scale / from.scale
    const [x, y] = [to.x - from.x * factor, to.y - from.y * factor]
    this.#overlay.style.transform = `translate(${x}px, ${y}px) scale(${factor})`
  }

  /** @param radius CSS pixels on both sides of the edge, which the service averages twice in a straight line */
  blurMask(radius: number): void {
    this.#overlay.style.filter = radius < 1 ? '' : `blur(${(radius * 0.41).toFixed(1)}px)`
  }

  #transform(context: CanvasRenderingContext2D, { scale, x, y }: View): void {
    const ratio = this.#ratio
    context.setTransform(scale * ratio, 0, 0, scale * ratio, x * ratio, y * ratio)
  }

  /** @returns how many of the operations the snapshot shows */
  #knownOperations(operations: readonly MaskOperation[]): number {
    const known = this.#snapshotOf
    if (known === undefined || known.length > operations.length) return 0
    return known.every((one, index) => one === operations[index]) ? known.length : 0
  }

  #takeSnapshot(operations: readonly MaskOperation[]): void {
    const { width, height } = this.#overlay
    this.#snapshot.width = width
    this.#snapshot.height = height
    this.#snapshot.getContext('2d')?.drawImage(this.#overlay, 0, 0)
    this.#snapshotOf = operations
  }
}

function clear(context: CanvasRenderingContext2D): void {
  context.setTransform(1, 0, 0, 1, 0, 0)
  context.globalCompositeOperation = 'source-over'
  context.clearRect(0, 0, context.canvas.width, context.canvas.height)
}

function clipTo(context: CanvasRenderingContext2D, { width, height }: Size): void {
  context.beginPath()
  context.rect(0, 0, width, height)
  context.clip()
}

/** By the geometry of the service: a round brush, capsules between points, rectangles between corners. */
function drawOperation(context: CanvasRenderingContext2D, operation: MaskOperation, { width, height }: Size): void {
  context.fillStyle = maskColor
  context.strokeStyle = maskColor
  if (operation.kind === 'clear') context.clearRect(0, 0, width, height)
  else if (operation.kind === 'invert') {
    context.globalCompositeOperation = 'xor'
    context.fillRect(0, 0, width, height)
  } else {
    context.globalCompositeOperation = operation.mode === 'add' ? 'source-over' : 'destination-out'
    if (operation.kind === 'brush') drawStroke(context, operation)
    else {
      const [x1, y1, x2, y2] = edgesOf(operation)
      context.fillRect(x1, y1, x2 - x1, y2 - y1)
    }
  }
}

function drawStroke(context: CanvasRenderingContext2D, { size, points }: BrushOperation): void {
  const [[x, y] = [0, 0], ...rest] = points
  // A line of no length is not drawn.
  if (rest.every(([toX, toY]) => toX === x && toY === y)) {
    drawDot(context, [x, y], size)
    return
  }
  context.lineCap = 'round'
  context.lineJoin = 'round'
  context.lineWidth = size
  context.beginPath()
  context.moveTo(x, y)
  for (const [toX, toY] of rest) context.lineTo(toX, toY)
  context.stroke()
}

function drawDot(context: CanvasRenderingContext2D, [x, y]: Point, size: number): void {
  context.beginPath()
  context.arc(x, y, size / 2, 0, 2 * Math.PI)
  context.fill()
}
