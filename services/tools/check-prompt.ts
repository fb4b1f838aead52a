import { serviceError } from '../errors/errors.ts'

/** Excludes spaces, control characters, fillers, combining marks without a letter, and unassigned characters. */
const VISIBLE = /[^\s\p{Z}\p{Cc}\p{Cf}\p{Co}\p{M}\p{DI}\p{NChar}\u2800]/u

/**
 * Rejects prompts without meaning before they are paid for.
 * @throws ServiceError IMG_ERR_ARGUMENTS
 */
export function checkPrompt(prompt: string): void {
  if (!VISIBLE.test(prompt)) throw invalid('is blank: describe the image')
  if (prompt.includes('\0')) throw invalid('contains a NUL character: remove it')
}

function invalid(problem: string) {
  return serviceError('IMG_ERR_ARGUMENTS', [`"prompt" ${problem}`])
}
