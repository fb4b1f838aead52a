import Type from 'typebox'
import type { ImageRecord } from '../../schemas/image-record.ts'
import type { CallContext, Tool } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import type { ChangedImage } from '../library/change-image.ts'
import type { ImageStore } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'
import { printablePath } from '../library/output-path.ts'
import { reference } from '../parameters/table.ts'
import { normalizer } from './arguments.ts'
import type { ImageReferences } from './image-references.ts'
import { cleanTags, tagsArgument } from './library-arguments.ts'
import { quoted } from './quoted-text.ts'
import { nameNotes } from './result-notes.ts'

const properties = {
  id: reference('The id of the image (img_…) or its image:// URI.'),
  tags: Type.Optional(tagsArgument('The new tags, in place of all earlier ones. An empty list removes them.')),
  name: Type.Optional(
    Type.String({
      description:
        "The new file name in the server's images folder, such as 'fox.png' or 'animals/fox.png'. Existing files are never " +
        'replaced. An image that had no name is then stored until it is deleted.',
      minLength: 1,
      maxLength: 1024,
    }),
  ),
}

export interface ChangingToolOptions {
  library: Library
  store: ImageStore
  references: ImageReferences
}

/** Changes tags and name of an image of the caller. */
export function updateImage({ library, store, references }: ChangingToolOptions): Tool {
  const inputSchema = Type.Object(properties, { additionalProperties: false })
  const normalize = normalizer(inputSchema)
  const tool: Tool<typeof inputSchema> = {
    name: 'update_image',
    title: 'Update image',
    description: 'Changes the tags of a stored image, or its file name. The image itself stays as it is. Free.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    needsListing: true,

    normalize(args) {
      const normalized = normalize(args)
      // Some clients fill in an empty list; alone it can only mean that the tags are to be removed.
      const isEmptyList = Array.isArray(args.tags) && args.tags.length === 0 && normalized.name === undefined
      return isEmptyList ? { ...normalized, tags: [] } : normalized
    },

    async call({ id, tags, name }, context) {
      if (tags === undefined && name === undefined) throw serviceError('IMG_ERR_ARGUMENTS', ['send tags, name or both'])
      const target = name === undefined ? undefined : await store.resolve(name)
      const record = await findToChange(references, id, context)
      const changed = await library.update(record.id, { tags: tags && cleanTags(tags), target }, context.access)
      return { content: [{ type: 'text', text: describe(changed) }] }
    },
  }
  return tool
}

/**
 * The image that an argument names by its id: which image is the newest may change at any time.
 * @throws ServiceError `IMG_ERR_IMAGE_ID`, `IMG_ERR_IMAGE_REFERENCE`
 */
export async function findToChange(
  references: ImageReferences,
  id: string,
  context: CallContext,
): Promise<Pick<ImageRecord, 'id'>> {
  if (references.isLast(id)) throw serviceError('IMG_ERR_ARGUMENTS', ['"id" must be the id of an image, not "last"'])
  return { id: await references.idOf('id', id, context) }
}

function describe({ record, saved }: ChangedImage): string {
  const { id, tags } = record
  return [
    `Image updated: ${id}.`,
    tags.length === 0 ? 'It has no tags.' : `Tags: ${tags.map((tag) => quoted(tag, 64)).join(' ')}.`,
    ...(saved === undefined
      ? []
      : [...nameNotes(saved, record), `Saved to server at: ${printablePath(saved.location)}`]),
  ].join(' ')
}
