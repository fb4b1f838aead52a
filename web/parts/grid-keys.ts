/**
 * Where a key moves to in a grid that is filled row by row.
 * @param key as in `KeyboardEvent.key` @param index of the current item @param count of all items
 * @param columns of a row, at least 1 @param rowsOfPage rows that `PageUp` and `PageDown` pass
 * @returns the new index, which may be the same; undefined: the key moves nothing
 */
export function moveInGrid(
  key: string,
  { index, count, columns, rowsOfPage = 3 }: { index: number; count: number; columns: number; rowsOfPage?: number },
): number | undefined {
  const row = Math.max(1, Math.floor(columns))
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -row,
    ArrowDown: row,
    PageUp: -row * rowsOfPage,
    PageDown: row * rowsOfPage,
    Home: -index,
    End: count - 1 - index,
  }
  const step = Object.hasOwn(steps, key) ? steps[key] : undefined
  if (step === undefined || count === 0) return undefined
  const target = index + step
  if (target >= 0 && target < count) return target
  if (Math.abs(step) < row || row === 1) return clamp(target, count)
  return nearestInColumn(index, { count, row, isDown: step > 0 })
}

const clamp = (index: number, count: number): number => Math.min(Math.max(index, 0), count - 1)

/** The first or last item of the column, or the last item of all where the last row is shorter. */
function nearestInColumn(
  index: number,
  { count, row, isDown }: { count: number; row: number; isDown: boolean },
): number {
  const column = index % row
  if (!isDown) return column
  const lastRow = Math.floor((count - 1) / row)
  if (Math.floor(index / row) === lastRow) return index
  return Math.min(lastRow * row + column, count - 1)
}

/** Columns of a grid, from where its items begin. @param tops distances of the items from the top, in order */
export function columnsOf(tops: readonly number[]): number {
  const [first] = tops
  const end = tops.findIndex((top) => top !== first)
  return Math.max(1, end === -1 ? tops.length : end)
}
