import Type from 'typebox'
import { SIZE_PATTERN } from './size.ts'

/** Arguments that more than one tool takes. */

/** https://learn.microsoft.com/azure/foundry/openai/reference-preview-latest: the longest prompt any model documents. */
const MAX_PROMPT_CHARACTERS = 32_000

export const promptArgument = (description: string) =>
  Type.String({ description, minLength: 1, maxLength: MAX_PROMPT_CHARACTERS })

export const sizeArgument = (description: string) => Type.String({ description, pattern: SIZE_PATTERN, maxLength: 32 })

export const imagePathArgument = Type.String({
  description: 'Absolute path of the picture to change, on the machine of the user. It is only read.',
  minLength: 1,
  maxLength: 4096,
})

export const outputPathArgument = Type.String({
  description:
    "Where to save the picture on the server, inside its images folder, such as 'sunset.png' or 'trips/sunset.png'. " +
    'The picture is saved and returned. An existing file is never replaced: a number is added to the name and the true ' +
    'path is reported. Leave it out to only get the picture back.',
  minLength: 1,
  maxLength: 1024,
})
