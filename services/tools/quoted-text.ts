/** Everything that is no visible character or plain space: it could break the line, or hide text from people. */
const UNPRINTABLE = /(?!\u200c|\u200d|\ufe0e|\ufe0f)[\s\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{DI}]/gu
const RUNS_OF_SPACES = / {2,}/g
/** A quote of any kind would end the quotation for a reader. */
const DOUBLE_QUOTES = /["“”„‟«»＂❝❞〝〞]/g

/**
 * Text that a client wrote, quoted on one line of at most `maxCharacters`, so that a model can tell it from the words of
 * this service.
 */
export function quoted(text: string, maxCharacters: number): string {
  // Cut first: prompts are long. A character takes two units at most.
  const line = text
    .slice(0, 4 * maxCharacters)
    .replace(UNPRINTABLE, ' ')
    .replace(RUNS_OF_SPACES, ' ')
    .replace(DOUBLE_QUOTES, "'")
    .trim()
  const characters = [...line]
  const isCut = characters.length > maxCharacters || text.length > 4 * maxCharacters
  return `"${characters.slice(0, maxCharacters).join('')}${isCut ? '…' : ''}"`
}
