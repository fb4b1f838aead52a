import Type, { type Static } from 'typebox'
import type { ImageRecord } from '../../schemas/image-record.ts'
import { hasApiKey } from '../auth/authenticator.ts'
import { askPage, type InputRequest } from '../calls/input.ts'
import type { CallContext } from '../calls/types.ts'
import type { UploadTicket } from '../library/uploads/upload-tokens.ts'
import type { Uploads } from '../library/uploads/uploads.ts'
import { isSecureUrl } from '../net/secure-url.ts'

/** An upload page that the client's user is asked to open. */
export const VisitSchema = Type.Object({
  /** Of the image that will be uploaded. */
  id: Type.String(),
  token: Type.String(),
  purpose: Type.Enum(['image', 'mask'], { type: 'string' }),
})
export type Visit = Static<typeof VisitSchema>

/**
 * Upload pages that clients open for their users. The page takes an image only from the user who was asked, who shows it the
 * key of the chat, or works on this very machine.
 * https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#phishing
 */
export interface UploadVisits {
  /** Whether the client opens pages, and the page can find out who its visitor is. */
  canAsk(context: CallContext): boolean
  /** @throws ServiceError `IMG_ERR_UPLOADS_OPEN` */
  start(purpose: UploadTicket['purpose'], context: CallContext): Visit
  /** The user does not open the page: its address is void. */
  end(visit: Visit): void
  question(visit: Visit, context: CallContext): InputRequest
  /** Waits a while for the image. Undefined: it has not come yet. */
  wait(visit: Visit, context: CallContext): Promise<ImageRecord | undefined>
}

export function createUploadVisits(uploads: Uploads): UploadVisits {
  return {
    canAsk({ input, caller, access, baseUrl = '' }) {
      const isKnown = hasApiKey(caller) || access.changes === 'all'
      return isKnown && isSecureUrl(baseUrl) && input?.canAsk('url') === true
    },
    start(purpose, { access }) {
      const { ticket, token } = uploads.request(access.owner, purpose, { isForOwner: true })
      return { id: ticket.id, token, purpose }
    },
    end: ({ token }) => uploads.revoke(token),
    question({ token, purpose }, { caller, baseUrl = '' }) {
      const key = hasApiKey(caller) ? ' It asks for your API key of this service, to know that it is you.' : ''
      const subject = purpose === 'mask' ? 'the mask' : 'the image'
      return askPage(`Open this page to upload ${subject}.${key}`, uploadAddress(token, baseUrl))
    },
    async wait({ id, token }, context) {
      context.progress('waiting for the upload')
      const record = await uploads.arrived(id, context)
      if (record !== undefined) context.input?.pageServed?.(uploadAddress(token, context.baseUrl))
      return record
    },
  }
}

/** Where a browser opens the page of an upload, and a program sends the image. */
export const uploadAddress = (token: string, baseUrl = '') => `${baseUrl}/uploads/${token}`
