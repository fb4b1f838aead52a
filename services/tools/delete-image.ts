import Type from 'typebox'
import type { Tool } from '../calls/types.ts'
import { reference } from '../parameters/table.ts'
import { type ChangingToolOptions, findToChange } from './update-image.ts'

const properties = { id: reference('The id of the image (img_…) or its image:// URI.') }

/** Deletes an image of the caller. */
export function deleteImage({ library, references }: Omit<ChangingToolOptions, 'store'>): Tool {
  const inputSchema = Type.Object(properties, { additionalProperties: false })
  const tool: Tool<typeof inputSchema> = {
    name: 'delete_image',
    title: 'Delete image',
    description:
      'Deletes a stored image for good: its file and everything known of it. Call it only if the user asks for it.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    needsListing: true,

    async call({ id: text }, context) {
      const { id } = await findToChange(references, text, context)
      await library.remove(id, context.access)
      return { content: [{ type: 'text', text: `Image deleted: ${id}.` }] }
    },
  }
  return tool
}
