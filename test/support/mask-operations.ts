import fc from 'fast-check'
import type { Point } from '../../web/editor/geometry.ts'
import type { MaskOperation } from '../../web/editor/strokes.ts'

export interface OperationBounds {
  coordinate: fc.Arbitrary<number>
  /** Of brushes. */
  size: fc.Arbitrary<number>
  /** Of a stroke of a brush. */
  maxPoints: number
}

/** Whatever a person may do in the mask editor. */
export function maskOperation({ coordinate, size, maxPoints }: OperationBounds): fc.Arbitrary<MaskOperation> {
  const point: fc.Arbitrary<Point> = fc.tuple(coordinate, coordinate)
  const mode = fc.constantFrom('add' as const, 'erase' as const)
  const points = fc.array(point, { minLength: 1, maxLength: maxPoints })
  return fc.oneof(
    fc.record({ kind: fc.constant('brush' as const), mode, size, points }),
    fc.record({ kind: fc.constant('rectangle' as const), mode, from: point, to: point }),
    fc.constant({ kind: 'invert' } as const),
    fc.constant({ kind: 'clear' } as const),
  )
}
