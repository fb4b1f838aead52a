import { useCallback, useMemo, useReducer, useState } from 'preact/hooks'
import {
  addOperation,
  emptyHistory,
  type MaskHistory,
  type MaskOperation,
  maskUsage,
  redo,
  undo,
  visibleOperations,
} from './strokes.ts'

/** From here on a person is told that the limit is near. */
const nearUsage = 0.85

/** What to say of the limits: `simplified` and `full` are of the last operation. */
export type MaskWarning = { name: 'simplified' | 'full' } | { name: 'near'; percent: number } | undefined

export interface Mask {
  readonly operations: readonly MaskOperation[]
  readonly canUndo: boolean
  readonly canRedo: boolean
  readonly warning: MaskWarning
  readonly add: (operation: MaskOperation) => void
  readonly undo: () => void
  readonly redo: () => void
}

interface State {
  readonly history: MaskHistory
  readonly last: 'added' | 'simplified' | 'full'
}

type Action = { kind: 'undo' } | { kind: 'redo' } | { kind: 'add'; operation: MaskOperation }

function reduce({ history }: State, action: Action): State {
  if (action.kind === 'undo') return { history: undo(history), last: 'added' }
  if (action.kind === 'redo') return { history: redo(history), last: 'added' }
  const { history: next, result } = addOperation(history, action.operation)
  return { history: next, last: result }
}

/** One by one, so that a draft which something else has written is within the limits too. */
const restored = (operations: readonly MaskOperation[]): MaskHistory =>
  operations.reduce((history, one) => addOperation(history, one).history, emptyHistory)

/** The mask with its history. @param initial operations of a draft */
export function useMask(initial: readonly MaskOperation[]): Mask {
  const [start] = useState((): State => ({ history: restored(initial), last: 'added' }))
  const [{ history, last }, dispatch] = useReducer(reduce, start)
  const operations = useMemo(() => visibleOperations(history), [history])
  const percent = useMemo(() => Math.floor(maskUsage(operations) * 100), [operations])
  return {
    operations,
    canUndo: history.done.length > 0,
    canRedo: history.undone.length > 0,
    warning: last !== 'added' ? { name: last } : percent >= nearUsage * 100 ? { name: 'near', percent } : undefined,
    add: useCallback((operation: MaskOperation) => dispatch({ kind: 'add', operation }), []),
    undo: useCallback(() => dispatch({ kind: 'undo' }), []),
    redo: useCallback(() => dispatch({ kind: 'redo' }), []),
  }
}
