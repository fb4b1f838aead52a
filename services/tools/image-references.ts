import type { ImageRecord } from '../../schemas/image-record.ts'
import type { CallContext } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import { LINK_ACCESS } from '../library/access.ts'
import { parseImageReference } from '../library/image-reference.ts'
import type { Library } from '../library/library.ts'
import type { Links } from '../library/links/links.ts'

/** What a text of a client stands for: an image of the library, or a file of the store by the names that it may have. */
export type FoundImage = { record: ImageRecord } | { names: readonly string[] }

/** The images that clients name by id, URI, link or `last`. */
export interface ImageReferences {
  /**
   * @param argument its name, for messages
   * @throws ServiceError `IMG_ERR_IMAGE_REFERENCE`, `IMG_ERR_IMAGE_ID`, `IMG_ERR_LIBRARY_LISTING`
   */
  find(argument: string, text: string, context: CallContext): Promise<FoundImage>
  /** The same for an image that must have a record. */
  findRecord(argument: string, text: string, context: CallContext): Promise<ImageRecord>
  /** The id of an image that may no longer exist. @throws as `find` */
  idOf(argument: string, text: string, context: CallContext): Promise<string>
}

export function createImageReferences({
  library,
  links,
}: {
  library: Library
  /** Undefined: there are no links. */
  links: Links | undefined
}): ImageReferences {
  async function find(argument: string, text: string, { access }: CallContext): Promise<FoundImage> {
    const link = links?.parse(text)
    if (link !== undefined) return { record: await library.get(link.id, link.isKey ? LINK_ACCESS : access) }
    const reference = parseImageReference(text)
    switch (reference?.kind) {
      case 'id':
        return { record: await library.get(reference.id, access) }
      case 'last':
        return { record: await library.latest(access) }
      case 'file':
        return { names: reference.names }
      default:
        throw serviceError('IMG_ERR_IMAGE_REFERENCE', [argument])
    }
  }

  return {
    find,
    async findRecord(argument, text, context) {
      const found = await find(argument, text, context)
      if ('names' in found) throw serviceError('IMG_ERR_IMAGE_REFERENCE', [argument])
      return found.record
    },
    async idOf(argument, text, { access }) {
      const link = links?.parse(text)
      const reference = link === undefined ? parseImageReference(text) : { kind: 'id' as const, id: link.id }
      if (reference?.kind === 'id') return reference.id
      if (reference?.kind === 'last') return (await library.latest(access)).id
      throw serviceError('IMG_ERR_IMAGE_REFERENCE', [argument])
    },
  }
}
