const CHARACTERS = 120

/** The beginning of a prompt in one line; undefined: there is none. A character of two code units is not cut in two. */
export function shortPrompt(prompt: string | undefined, characters = CHARACTERS): string | undefined {
  // Only the beginning is looked at, because a prompt may have 200,000 characters.
  const words = prompt
    ?.slice(0, characters * 8)
    .trim()
    .replace(/\s+/g, ' ')
  if (words === undefined || words === '') return undefined
  const all = [...words]
  return all.length <= characters ? words : `${all.slice(0, characters).join('').trimEnd()}…`
}
