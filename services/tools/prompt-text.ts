import { serviceError } from '../errors/errors.ts'

/** Not blanks and control characters, fillers, marks without a letter, and characters that have no meaning of their own. */
const VISIBLE = /[^\s\p{Z}\p{Cc}\p{Cf}\p{Co}\p{M}\p{DI}\p{NChar}\u2800]/u

/**
 * Rejects a prompt that no image can follow, before it is paid for.
 * @throws ServiceError IMG_ERR_ARGUMENTS
 */
export function checkPrompt(prompt: string): void {
  if (!VISIBLE.test(prompt)) throw unusable('is blank: say what the image shall show')
  if (prompt.includes('\0')) throw unusable('has a NUL character in it: leave it out')
  if (!prompt.isWellFormed()) throw unusable('has half a surrogate pair in it: send whole characters')
}

function unusable(problem: string) {
  return serviceError('IMG_ERR_ARGUMENTS', [`"prompt" ${problem}`])
}
