/** Share of a name that may be mistyped before a suggestion would only confuse. */
const MAX_TYPOS = 0.34

/** The candidate that differs least from a mistyped name; `undefined` if none resembles it. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const typed = simplify(name)
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of candidates) {
    const distance = editDistance(typed, simplify(candidate))
    const isClose = distance <= Math.max(1, Math.floor(MAX_TYPOS * Math.min(typed.length, candidate.length)))
    if (
      isClose &&
      distance < Math.min(typed.length, candidate.length) &&
      (best === undefined || distance < best.distance)
    )
      best = { candidate, distance }
  }
  return best?.candidate
}

/** People confuse case and separators more often than letters. */
const simplify = (name: string) => name.slice(0, 100).toLowerCase().replaceAll(/[._-]/g, '')

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, at) => at)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? (beforeLast[j - 2] ?? 0) + 1 : replaced
      row.push(Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped))
    }
    ;[beforeLast, last] = [last, row]
  }
  return last[b.length] ?? 0
}
