/**
 * Which images stay whole if a response may have this many characters of base64: the limit is shared evenly, and what
 * small images leave of their shares goes to larger ones, so that no image becomes a preview because of another's size
 * alone.
 * @param sizes characters of each image @param limit 0: unlimited
 */
export function chooseWhole(sizes: readonly number[], limit: number): { isWhole: boolean[]; share: number } {
  if (limit === 0) return { isWhole: sizes.map(() => true), share: 0 }
  let left = limit
  let count = sizes.length
  for (const size of sizes.toSorted((one, other) => one - other)) {
    if (size * count > left) break
    left -= size
    count--
  }
  const share = count === 0 ? 0 : Math.floor(left / count)
  return { isWhole: sizes.map((size) => count === 0 || size <= share), share }
}
