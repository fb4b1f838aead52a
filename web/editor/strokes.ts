import { type Point, simplify } from './geometry.ts'

export type MaskMode = 'add' | 'erase'

/** What a person did to the mask, in pixels of the image: zooming or resizing the page never changes it. */
export type MaskOperation =
  | { readonly kind: 'brush'; readonly mode: MaskMode; readonly size: number; readonly points: readonly Point[] }
  | { readonly kind: 'rectangle'; readonly mode: MaskMode; readonly from: Point; readonly to: Point }
  | { readonly kind: 'invert' }
  | { readonly kind: 'clear' }

export type BrushOperation = Extract<MaskOperation, { kind: 'brush' }>
export type RectangleOperation = Extract<MaskOperation, { kind: 'rectangle' }>

/** The mask as the list of what was done to it. */
export interface MaskHistory {
  readonly done: readonly MaskOperation[]
  /** What was taken back, the next to repeat last. */
  readonly undone: readonly MaskOperation[]
}

/** What the service accepts in one call. */
export const maskLimits = { strokes: 200, points: 5_000, bytes: 64_000, feather: 500 } as const

/** A stroke is simplified as long as its edge moves by less than this share of its width. */
const fineTolerance = 1 / 32
const coarseTolerance = 1 / 6

export const emptyHistory: MaskHistory = { done: [], undone: [] }

/** The operations that the mask consists of: those since it was last cleared. */
export function visibleOperations({ done }: Pick<MaskHistory, 'done'>): readonly MaskOperation[] {
  return done.slice(done.findLastIndex(({ kind }) => kind === 'clear') + 1)
}

/** @returns how much of the limits the mask takes, from 0 to 1 */
export function maskUsage(operations: readonly MaskOperation[]): number {
  const points = operations.reduce((sum, one) => sum + pointCount(one), 0)
  const bytes = operations.reduce((sum, one) => sum + byteCount(one), 2)
  return Math.max(operations.length / maskLimits.strokes, points / maskLimits.points, bytes / maskLimits.bytes)
}

const pointCount = (operation: MaskOperation): number =>
  operation.kind === 'brush' ? operation.points.length : operation.kind === 'rectangle' ? 2 : 0

/** An upper bound of the bytes that the operation takes as JSON, whose strings are ASCII. */
const byteCount = (operation: MaskOperation): number => JSON.stringify(operation).length + 16

export type Addition = 'added' | 'simplified' | 'full'

/**
 * Adds an operation, whose points are rounded to pixels and thinned out. What can be repeated is forgotten.
 * @returns `simplified`: near the limit, so that the stroke follows the hand less exactly; `full`: nothing was added
 */
export function addOperation(
  history: MaskHistory,
  operation: MaskOperation,
): { history: MaskHistory; result: Addition } {
  if (operation.kind === 'clear') return { history: cleared(history), result: 'added' }
  const before = visibleOperations(history)
  const fits = (one: MaskOperation) => maskUsage([...before, one]) <= 1
  const fine = thinned(operation, fineTolerance)
  if (fits(fine)) return { history: { done: [...history.done, fine], undone: [] }, result: 'added' }
  const coarse = thinned(operation, coarseTolerance)
  if (!fits(coarse)) return { history, result: 'full' }
  return { history: { done: [...history.done, coarse], undone: [] }, result: 'simplified' }
}

function thinned(operation: MaskOperation, share: number): MaskOperation {
  if (operation.kind === 'rectangle') return { ...operation, from: rounded(operation.from), to: rounded(operation.to) }
  if (operation.kind !== 'brush') return operation
  const size = Math.max(1, Math.round(operation.size))
  return { ...operation, size, points: simplify(operation.points.map(rounded), size * share) }
}

const rounded = ([x, y]: Point): Point => [Math.round(x), Math.round(y)]

/** What lies before an earlier clearing is dropped: both leave an empty mask, so the rest still reads the same. */
function cleared(history: MaskHistory): MaskHistory {
  const current = visibleOperations(history)
  return current.length === 0 ? history : { done: [...current, { kind: 'clear' }], undone: [] }
}

export function undo(history: MaskHistory): MaskHistory {
  const { done, undone } = history
  const last = done.at(-1)
  return last === undefined ? history : { done: done.slice(0, -1), undone: [...undone, last] }
}

export function redo(history: MaskHistory): MaskHistory {
  const { done, undone } = history
  const next = undone.at(-1)
  return next === undefined ? history : { done: [...done, next], undone: undone.slice(0, -1) }
}
