import type { Point, Size } from '../editor/geometry.ts'
import { fitInto, intersection, type Rect, unionOf } from '../parts/rectangles.ts'

export type CompareMode = 'slider' | 'side'

/** Where one of two images is drawn, in pixels of the stage. */
export interface ComparePane {
  /** Nothing is drawn outside of it. */
  clip: Rect
  /** The whole image. */
  image: Rect
}

export interface CompareLayout {
  panes: readonly [ComparePane, ComparePane]
  /** What the slider runs along; of side by side, the whole stage. */
  track: Rect
}

/** Enlarges about the corner of a pane, and moves, by pixels of the stage. */
export interface CompareView {
  scale: number
  x: number
  y: number
}

/** Pixels between two images beside each other. */
const GAP = 8

/**
 * Both images as large as the stage allows, whatever their own sizes are: in the slider over each other, else beside each
 * other, or below each other in a stage that is higher than wide.
 * @param split share of the track that shows the first image, 0 to 1
 */
export function layoutCompare(
  mode: CompareMode,
  { stage, images, split, view }: { stage: Size; images: readonly [Size, Size]; split: number; view: CompareView },
): CompareLayout {
  return mode === 'slider' ? overlaid({ stage, images, split, view }) : apart({ stage, images, view })
}

function overlaid({
  stage,
  images: [first, second],
  split,
  view,
}: {
  stage: Size
  images: readonly [Size, Size]
  split: number
  view: CompareView
}): CompareLayout {
  const whole = { x: 0, y: 0, ...stage }
  const [a, b] = [placed(whole, first, view), placed(whole, second, view)]
  const track = intersection(whole, unionOf(a, b))
  const width = track.width * clampShare(split)
  return {
    panes: [
      { clip: { x: 0, y: 0, width: track.x + width, height: stage.height }, image: a },
      {
        clip: { x: track.x + width, y: 0, width: Math.max(0, stage.width - track.x - width), height: stage.height },
        image: b,
      },
    ],
    track,
  }
}

function apart({
  stage,
  images: [first, second],
  view,
}: {
  stage: Size
  images: readonly [Size, Size]
  view: CompareView
}): CompareLayout {
  const size = paneSize('side', stage)
  const panes = [
    { x: 0, y: 0, ...size },
    isStacked(stage) ? { x: 0, y: size.height + GAP, ...size } : { x: size.width + GAP, y: 0, ...size },
  ] as const
  return {
    panes: [
      { clip: panes[0], image: placed(panes[0], first, view) },
      { clip: panes[1], image: placed(panes[1], second, view) },
    ],
    track: { x: 0, y: 0, ...stage },
  }
}

const isStacked = ({ width, height }: Size): boolean => height > width

/** What one image has of a stage. */
export function paneSize(mode: CompareMode, stage: Size): Size {
  if (mode === 'slider') return stage
  const half = (length: number): number => Math.max(0, (length - GAP) / 2)
  return isStacked(stage)
    ? { width: stage.width, height: half(stage.height) }
    : { width: half(stage.width), height: stage.height }
}

/** A place of the stage, from the corner of the pane that it lies in. */
export function paneAt(mode: CompareMode, [x, y]: Point, stage: Size): Point {
  if (mode === 'slider') return [x, y]
  const { width, height } = paneSize(mode, stage)
  const within = (at: number, length: number): number => (at > length ? at - length - GAP : at)
  return isStacked(stage) ? [x, within(y, height)] : [within(x, width), y]
}

function placed(pane: Rect, image: Size, { scale, x, y }: CompareView): Rect {
  const fitted = fitInto(pane, image)
  return {
    x: pane.x + (fitted.x - pane.x) * scale + x,
    y: pane.y + (fitted.y - pane.y) * scale + y,
    width: fitted.width * scale,
    height: fitted.height * scale,
  }
}

/** The split that lies under a pointer. @param x in pixels of the stage @returns 0 to 1 */
export function splitAt(x: number, track: Rect): number {
  return track.width <= 0 ? 0.5 : clampShare((x - track.x) / track.width)
}

const clampShare = (share: number): number => (Number.isFinite(share) ? Math.min(Math.max(share, 0), 1) : 0.5)
