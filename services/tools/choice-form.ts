import Type from 'typebox'
import type { ImageRecord } from '../../schemas/image-record.ts'
import { formatSize } from '../imaging/size.ts'
import { describeAge } from '../parameters/times.ts'
import { quoted } from './quoted-text.ts'

/** Forms in which the user of a client chooses one of a few values of an argument. */

export interface Choice {
  /** The value of the argument. */
  id: string
  title: string
}

const labels = { image: 'Image to edit', mask_image: 'Mask', size: 'Size' } as const
type Name = keyof typeof labels

const MAX_CHOICE_CHARACTERS = 64
/** Characters of a prompt, which a form shows on one line. */
const PROMPT_CHARACTERS = 60

/** What a response must have: which values are valid the tool judges, since images may come and go while the user chooses. */
export const choiceForm = (name: Name) =>
  Type.Object({ [name]: Type.String({ minLength: 1, maxLength: MAX_CHOICE_CHARACTERS }) })

/**
 * https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#supported-schema-types
 * @param preset the value that is chosen already
 */
export function formFor(name: Name, choices: readonly Choice[], preset?: string) {
  const oneOf = choices.map(({ id, title }) => ({ const: id, title }))
  const members = { type: 'string', title: labels[name], oneOf, ...(preset !== undefined && { default: preset }) }
  return Type.Object({ [name]: Type.Unsafe<string>(members) })
}

/** A stored image. Of the caller's words a form shows few, in quotes. */
export function choiceOf(record: ImageRecord): Choice {
  const { id, prompt, origin, isNamed, location, createdAt } = record
  const subject = prompt === undefined ? origin : `${quoted(prompt, PROMPT_CHARACTERS)}, ${origin}`
  const file = isNamed ? `, file ${quoted(location, PROMPT_CHARACTERS)}` : ''
  return { id, title: `${subject} ${describeAge(Date.now() - createdAt)}, ${formatSize(record)}${file}` }
}

/** One of the images of a call. */
export function variantChoiceOf(record: ImageRecord, _index: number, { length }: readonly unknown[]): Choice {
  return { id: record.id, title: `Image ${record.number} of ${length}: ${record.id}` }
}
