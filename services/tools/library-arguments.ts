import Type from 'typebox'
import { MAX_TAGS, TagSchema } from '../../schemas/image-record.ts'
import { serviceError } from '../errors/errors.ts'

/** Arguments of the tools that work with stored images. */

export const tagsArgument = (description: string) => Type.Array(TagSchema, { description, maxItems: MAX_TAGS })

/** Breaks lines, or shows nothing, so that two tags that look the same would differ. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}]/u

/**
 * Tags as they are stored: each once, without spaces around it.
 * @throws ServiceError `IMG_ERR_ARGUMENTS`
 */
export function cleanTags(tags: readonly string[]): string[] {
  const clean = new Set(tags.map((tag) => tag.normalize('NFC').trim()))
  for (const tag of clean) {
    if (tag === '' || INVISIBLE.test(tag)) {
      throw serviceError('IMG_ERR_ARGUMENTS', ['"tags" contains a blank tag, or one with control characters'])
    }
  }
  return [...clean]
}
