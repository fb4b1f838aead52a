import Type, { type Static } from 'typebox'
import { createSealedTokens, type SealedTokens } from '../../auth/sealed-tokens.ts'

const TicketSchema = Type.Object({
  /** Id that the image will have. */
  id: Type.String(),
  /** Caller that requested the upload, and will own the image. */
  owner: Type.String(),
  purpose: Type.Enum(['image', 'mask'], { type: 'string' }),
  /** The address alone does not let anybody in: whoever sends the image must prove to be the owner. */
  isForOwner: Type.Optional(Type.Literal(true)),
  /** Milliseconds since 1970. */
  endsAt: Type.Integer(),
})

/** What an upload address allows. */
export type UploadTicket = Static<typeof TicketSchema>

/** Tickets as texts for addresses. One that is decoded may have expired. */
export const createUploadTokens = (key: Buffer): SealedTokens<UploadTicket> => createSealedTokens(key, TicketSchema)
