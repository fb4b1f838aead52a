/**
 * Parses the JSON that a text begins with, whatever follows it: a gateway may append to a response that was paid for.
 *
 * @throws SyntaxError if there is no complete object or array
 */
export function parseLeadingJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const end = endOfValue(text)
    if (end === undefined) throw error
    return JSON.parse(text.slice(0, end))
  }
}

/** Where the first object or array ends. An open string extends to the end of the text, so that nothing is read twice. */
function endOfValue(text: string): number | undefined {
  let depth = 0
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"?|[[\]{}]/gs)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    if (depth === 0) return index + token.length
  }
  return undefined
}
