import Type from 'typebox'
import type { Tool } from '../calls/types.ts'
import type { Uploads } from '../library/uploads/uploads.ts'
import { enumeration } from '../parameters/parameter.ts'

export interface RequestUploadOptions {
  uploads: Uploads
  /** Bytes of an image. */
  maxBytes: number
}

/** Gives out an address to which a person or a program sends an image that the client itself cannot send. */
export function requestUpload({ uploads, maxBytes }: RequestUploadOptions): Tool {
  const inputSchema = Type.Object(
    {
      for: Type.Optional(
        enumeration(['image', 'mask'], 'What the upload is: an image to edit or refer to (default), or a mask.'),
      ),
    },
    { additionalProperties: false },
  )

  const tool: Tool<typeof inputSchema> = {
    name: 'request_upload',
    title: 'Request an upload',
    description:
      'Returns a one-time address for an image of the user, and the id that the image will have. Show the address to the ' +
      'user, who opens it in a browser and drops the image there; a program sends it with curl -T. Then pass the id to ' +
      'edit_image.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },

    async call({ for: purpose = 'image' }, { access, baseUrl = '' }) {
      const { ticket, token } = uploads.request(access.owner, purpose)
      const url = `${baseUrl}/uploads/${token}`
      const argument = purpose === 'mask' ? 'mask_image' : 'image'
      const lines = [
        `Upload address: ${url}`,
        `Image id: ${ticket.id} (once the ${purpose} is uploaded, pass it as "${argument}" to edit_image).`,
        `The address takes one PNG, JPEG, WebP or GIF file of at most ${maxBytes} bytes, until ${new Date(ticket.endsAt).toISOString()}.`,
        'Open it in a browser to drop, pick or paste the image, or send the file with: curl -T FILE ADDRESS',
      ]
      return { content: [{ type: 'text', text: lines.join('\n') }] }
    },
  }
  return tool
}
