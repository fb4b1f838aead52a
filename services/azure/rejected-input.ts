import type { AzureFault } from './error-body.ts'

/** An input of an edit that Azure rejected. Both texts are ours. */
export type RejectedInput = { kind: 'mask' } | { kind: 'image'; name: string; problem: string }

/** Not about the content of a field, but about the form of the request. */
const FORM_CODE = /^(?:unknown|duplicate|missingrequired|unsupported)parameter$/

/**
 * Which image Azure rejected, by the field or the code that it names, else by its text.
 *
 * @param isImageProblem whether the failure concerns an image, whatever the field
 */
export function rejectedInput(
  { codes, parameter: param = '', message }: AzureFault,
  parameter: string | undefined,
  isImageProblem: boolean,
): RejectedInput | undefined {
  const field = /^(?:(mask)|(?:input_)?images?)(?:[[._](\d{1,2}))?/i.exec(param === '' ? (parameter ?? '') : param)
  const isForm = codes.some((code) => FORM_CODE.test(code))
  if (isForm || (field === null && (!isImageProblem || parameter !== undefined))) return undefined
  const text = message.slice(0, 1_000)
  // A text may quote a prompt about masks.
  const isNamed = codes.some((code) => code.includes('image') && code !== 'imagegenerationusererror')
  const isMask = codes.some((code) => code.includes('mask')) || (!isNamed && field === null && /\bmask\b/i.test(text))
  if (field?.[1] !== undefined || isMask) return { kind: 'mask' }
  return { kind: 'image', name: nameOf(field, text), problem: problemOf(codes, text) }
}

/** FLUX counts fields from 1 (`input_image_2`), forms from 0 (`image[1]`), and the texts of gpt-image from 1. */
function nameOf(field: RegExpExecArray | null, text: string): string {
  const number = field?.[2]
  const isCountedFromOne = field === null || number === undefined || field[0].includes('_')
  const position = Number(number ?? /\bimage (\d{1,2})\b/i.exec(text)?.[1] ?? Number.NaN) + (isCountedFromOne ? 0 : 1)
  if (Number.isNaN(position)) return 'the image'
  return position <= 1 ? 'the image to edit' : `reference image ${position - 1}`
}

function problemOf(codes: readonly string[], text: string): string {
  const all = codes.join(' ')
  if (/toolarge|toobig|filesize/.test(all) || /\btoo (?:large|big)\b|exceeds? the (?:maximum|limit)/i.test(text)) {
    return 'it is too large'
  }
  if (/toosmall/.test(all) || /\btoo small\b/i.test(text)) return 'it is too small'
  return 'it cannot be read, or the model does not accept its format'
}
