import type { Point, Size } from './geometry.ts'

/** Where the image lies on the stage: a place of the image is at `x + scale * its x`, in CSS pixels of the stage. */
export interface View {
  readonly scale: number
  readonly x: number
  readonly y: number
}

/** The image and the stage that shows it. */
export interface Frame {
  readonly image: Size
  readonly stage: Size
}

/** CSS pixels that one pixel of the image may take. */
const maxScale = 16
/** Small images are not enlarged further than this by themselves. */
const maxFitScale = 4
export const zoomStep = 1.25

/** The whole image, in the middle of the stage. */
export function fitView({ image, stage }: Frame): View {
  const scale = fitScale({ image, stage })
  return { scale, x: (stage.width - image.width * scale) / 2, y: (stage.height - image.height * scale) / 2 }
}

const fitScale = ({ image, stage }: Frame): number =>
  Math.max(1e-3, Math.min(stage.width / image.width, stage.height / image.height, maxFitScale))

export const isFit = (view: View, frame: Frame): boolean => view.scale <= fitScale(frame) * 1.001

export const toImage = ({ scale, x, y }: View, [sx, sy]: Point): Point => [(sx - x) / scale, (sy - y) / scale]
export const toStage = ({ scale, x, y }: View, [ix, iy]: Point): Point => [x + ix * scale, y + iy * scale]

/** Zooms so that the place of the image below `anchor` (of the stage) stays where it is. */
export function zoomAt(view: View, factor: number, anchor: Point, frame: Frame): View {
  const scale = Math.min(Math.max(maxScale, fitScale(frame)), Math.max(fitScale(frame), view.scale * factor))
  const [x, y] = toImage(view, anchor)
  return confined({ scale, x: anchor[0] - x * scale, y: anchor[1] - y * scale }, frame)
}

export const panBy = ({ scale, x, y }: View, [dx, dy]: Point, frame: Frame): View =>
  confined({ scale, x: x + dx, y: y + dy }, frame)

/** Two fingers that went from one pair of places to another: what lay between them still does. */
export function pinch(view: View, from: readonly [Point, Point], to: readonly [Point, Point], frame: Frame): View {
  const [before, after] = [middle(from), middle(to)]
  const moved = { ...view, x: view.x + after[0] - before[0], y: view.y + after[1] - before[1] }
  return zoomAt(moved, Math.max(1, span(to)) / Math.max(1, span(from)), after, frame)
}

const middle = ([[ax, ay], [bx, by]]: readonly [Point, Point]): Point => [(ax + bx) / 2, (ay + by) / 2]
const span = ([[ax, ay], [bx, by]]: readonly [Point, Point]): number => Math.hypot(bx - ax, by - ay)

/** The factor of one wheel event: its delta is in pixels, lines or pages. */
export function wheelFactor(delta: number, mode: number): number {
  const pixels = delta * (mode === 1 ? 16 : mode === 2 ? 400 : 1)
  return Math.exp(-Math.min(200, Math.max(-200, pixels)) / 400)
}

/** The view after the stage changed its size: the whole image stays whole, otherwise the middle stays in the middle. */
export function resized(view: View, from: Size, frame: Frame): View {
  if (isFit(view, { image: frame.image, stage: from })) return fitView(frame)
  const { width, height } = frame.stage
  const moved = { ...view, x: view.x + (width - from.width) / 2, y: view.y + (height - from.height) / 2 }
  return zoomAt(moved, 1, [width / 2, height / 2], frame)
}

/** The view, moved so far that a place of the image is at least `margin` CSS pixels inside of the stage. */
export function reveal(view: View, place: Point, frame: Frame, margin = 24): View {
  const [x, y] = toStage(view, place)
  return panBy(view, [intoRange(x, frame.stage.width, margin), intoRange(y, frame.stage.height, margin)], frame)
}

const intoRange = (at: number, length: number, margin: number): number =>
  at < margin ? margin - at : at > length - margin ? length - margin - at : 0

/** No gap at the edges while the image is larger than the stage; otherwise it is in the middle. */
function confined(view: View, { image, stage }: Frame): View {
  const along = (at: number, room: number, length: number): number =>
    length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at))
  return {
    scale: view.scale,
    x: along(view.x, stage.width, image.width * view.scale),
    y: along(view.y, stage.height, image.height * view.scale),
  }
}
