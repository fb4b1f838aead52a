import { distanceToSegment, type Point, type Size } from './geometry.ts'
import type { BrushOperation, MaskOperation, RectangleOperation } from './strokes.ts'

/** The mask as cells of equal size, 1 where it is set. */
export interface MaskGrid extends Size {
  readonly cells: Uint8Array
}

/**
 * Draws the mask into a grid, by the geometry of the service: round brush, capsules between points.
 * @param maxEdge cells of the longer edge; not more than the image has pixels
 */
export function maskGrid(operations: readonly MaskOperation[], image: Size, maxEdge: number): MaskGrid {
  const scale = Math.min(1, maxEdge / Math.max(image.width, image.height))
  const width = Math.max(1, Math.round(image.width * scale))
  const height = Math.max(1, Math.round(image.height * scale))
  const grid = { width, height, cells: new Uint8Array(width * height) }
  for (const operation of operations) apply(operation, grid, width / image.width, height / image.height)
  return grid
}

function apply(operation: MaskOperation, grid: MaskGrid, sx: number, sy: number): void {
  if (operation.kind === 'clear') grid.cells.fill(0)
  else if (operation.kind === 'invert')
    for (let at = 0; at < grid.cells.length; at++) grid.cells[at] = grid.cells[at] ? 0 : 1
  else if (operation.kind === 'rectangle') fillRectangle(operation, grid, sx, sy)
  else paint(operation, grid, sx, sy)
}

/** @returns left, top, right and bottom */
export function edgesOf({
  from,
  to,
}: Pick<RectangleOperation, 'from' | 'to'>): readonly [number, number, number, number] {
  return [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])]
}

function fillRectangle(operation: RectangleOperation, grid: MaskGrid, sx: number, sy: number): void {
  const [left, top, right, bottom] = edgesOf(operation)
  const value = operation.mode === 'add' ? 1 : 0
  for (let y = cellFrom(top * sy); y <= cellTo(bottom * sy, grid.height); y++) {
    const from = cellFrom(left * sx)
    const to = cellTo(right * sx, grid.width)
    if (to >= from) grid.cells.fill(value, y * grid.width + from, y * grid.width + to + 1)
  }
}

/** A cell belongs to a shape that its middle lies in. */
const cellFrom = (edge: number): number => Math.max(0, Math.ceil(edge - 0.5))
const cellTo = (edge: number, length: number): number => Math.min(length - 1, Math.ceil(edge - 0.5) - 1)

function paint({ mode, size, points }: BrushOperation, grid: MaskGrid, sx: number, sy: number): void {
  // What is added is at least a cell wide, so that a fine line is never taken for an empty mask.
  const radius = mode === 'add' ? Math.max((size / 2) * sx, 0.75) : (size / 2) * sx
  const value = mode === 'add' ? 1 : 0
  const scaled = points.map(([x, y]): Point => [x * sx, y * sy])
  for (const [index, to] of scaled.entries()) paintCapsule(scaled[index - 1] ?? to, to, radius, value, grid)
}

function paintCapsule(from: Point, to: Point, radius: number, value: number, { cells, width, height }: MaskGrid): void {
  const top = cellFrom(Math.min(from[1], to[1]) - radius)
  const bottom = cellTo(Math.max(from[1], to[1]) + radius, height)
  const left = cellFrom(Math.min(from[0], to[0]) - radius)
  const right = cellTo(Math.max(from[0], to[0]) + radius, width)
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      if (distanceToSegment([x + 0.5, y + 0.5], from, to) <= radius) cells[y * width + x] = value
    }
  }
}

/** @returns the share of the image that the mask selects, from 0 to 1, judged by 128 cells of the longer edge */
export function coverage(operations: readonly MaskOperation[], image: Size): number {
  const { cells } = maskGrid(operations, image, 128)
  return cells.reduce((sum, cell) => sum + cell, 0) / cells.length
}
