import Type from 'typebox'
import { Value } from 'typebox/value'
import { InputRequired, pageResponse } from '../calls/input.ts'
import type { CallContext, Tool, ToolResult } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import { formatSize } from '../imaging/size.ts'
import type { UploadTicket } from '../library/uploads/upload-tokens.ts'
import type { Uploads } from '../library/uploads/uploads.ts'
import { enumeration } from '../parameters/parameter.ts'
import { type UploadVisits, uploadAddress, VisitSchema } from './upload-visits.ts'

export interface RequestUploadOptions {
  uploads: Uploads
  visits: UploadVisits
  /** Bytes of an image. */
  maxBytes: number
}

type Purpose = UploadTicket['purpose']

const PAGE = 'upload'

/** Gives out an address to which a person or a program sends an image that the client itself cannot send. */
export function requestUpload({ uploads, visits, maxBytes }: RequestUploadOptions): Tool {
  const inputSchema = Type.Object(
    {
      for: Type.Optional(
        enumeration(['image', 'mask'], 'What the upload is: an image to edit or refer to (default), or a mask.'),
      ),
    },
    { additionalProperties: false },
  )

  /**
   * Lets the client open the page for its user, and waits for the image. Undefined: nobody looked at the question, so that
   * the address goes into the chat.
   */
  async function visit(purpose: Purpose, context: CallContext): Promise<ToolResult | undefined> {
    const { input } = context
    const asked = Value.Check(VisitSchema, input?.state) ? input.state : undefined
    const action = asked && input && pageResponse(input, PAGE)
    if (asked !== undefined && (action === 'decline' || action === 'cancel')) visits.end(asked)
    if (action === 'decline') throw serviceError('IMG_ERR_NOT_UPLOADED', [])
    if (action === 'cancel') return undefined
    const page = asked ?? visits.start(purpose, context)
    if (action === undefined) throw new InputRequired({ [PAGE]: visits.question(page, context) }, page)
    const record = await visits.wait(page, context)
    const hint = `pass it as "${argumentOf(purpose)}" to edit_image`
    return toResult(
      record === undefined
        ? `The user opened the upload page, but has not sent the ${purpose} yet.\nImage id: ${page.id} (once the user says that the ${purpose} is uploaded, ${hint}).`
        : `The user uploaded the ${purpose}: ${formatSize(record)}, ${record.mimeType}.\nImage id: ${page.id} (${hint}).`,
    )
  }

  const tool: Tool<typeof inputSchema> = {
    name: 'request_upload',
    title: 'Request an upload',
    description:
      'Returns a one-time address for an image of the user, and the id that the image will have. Show the address to the ' +
      'user, who opens it in a browser and drops the image there; a program sends it with curl -T. Then pass the id to ' +
      'edit_image.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },

    async call({ for: purpose = 'image' }, context) {
      const visited = visits.canAsk(context) ? await visit(purpose, context) : undefined
      if (visited !== undefined) return visited
      const { access, baseUrl } = context
      const { ticket, token } = uploads.request(access.owner, purpose)
      const lines = [
        `Upload address: ${uploadAddress(token, baseUrl)}`,
        `Image id: ${ticket.id} (once the ${purpose} is uploaded, pass it as "${argumentOf(purpose)}" to edit_image).`,
        `The address takes one PNG, JPEG, WebP or GIF file of at most ${maxBytes} bytes, until ${new Date(ticket.endsAt).toISOString()}.`,
        'Open it in a browser to drop, pick or paste the image, or send the file with: curl -T FILE ADDRESS',
      ]
      return toResult(lines.join('\n'))
    },
  }
  return tool
}

const argumentOf = (purpose: Purpose) => (purpose === 'mask' ? 'mask_image' : 'image')

const toResult = (text: string): ToolResult => ({ content: [{ type: 'text', text }] })
