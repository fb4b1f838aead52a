import { serviceError } from '../errors/errors.ts'

/** Excludes spaces, control characters, fillers, combining marks without a letter, and unassigned characters. */
const VISIBLE = /[^\s\p{Z}\p{Cc}\p{Cf}\p{Co}\p{M}\p{DI}\p{NChar}\u2800]/u

/**
 * What is left of a prompt whose characters a client could not encode, as PowerShell 5.1 does with Chinese in a text body.
 * https://github.com/PowerShell/PowerShell/issues/21456
 */
const LOST = /^[\s\p{P}\uFFFD]*$/u

/**
 * Rejects prompts without meaning before they are paid for.
 * @throws ServiceError IMG_ERR_ARGUMENTS
 */
export function checkPrompt(prompt: string): void {
  if (!VISIBLE.test(prompt)) throw invalid('is blank: describe the image')
  if (prompt.includes('\0')) throw invalid('contains a NUL character: remove it')
  if ((prompt.includes('?') || prompt.includes('\uFFFD')) && LOST.test(prompt)) {
    throw invalid('arrived as question marks only: the client lost its characters; send the body in UTF-8')
  }
}

function invalid(problem: string) {
  return serviceError('IMG_ERR_ARGUMENTS', [`"prompt" ${problem}`])
}
