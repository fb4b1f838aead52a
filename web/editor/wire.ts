import type { MaskStroke } from '../../schemas/mask.ts'
import { type MaskOperation, visibleOperations } from './strokes.ts'

/** The mask as the argument `mask_strokes`: what was painted since it was last cleared, in order. */
export function maskStrokes(operations: readonly MaskOperation[]): MaskStroke[] {
  return visibleOperations({ done: operations }).flatMap(strokeOf)
}

function strokeOf(operation: MaskOperation): MaskStroke[] {
  if (operation.kind === 'clear') return []
  if (operation.kind === 'invert') return [{ mode: 'invert' }]
  if (operation.kind === 'brush') {
    const { mode, size, points } = operation
    return [{ mode, size, points: points.flat() }]
  }
  return [{ mode: `${operation.mode}_rectangle`, points: [...operation.from, ...operation.to] }]
}
