import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'

const TicketSchema = Type.Object({
  /** Id that the image will have. */
  id: Type.String(),
  /** Caller that requested the upload, and will own the image. */
  owner: Type.String(),
  purpose: Type.Enum(['image', 'mask'], { type: 'string' }),
  /** Milliseconds since 1970. */
  endsAt: Type.Integer(),
})

/** What an upload address allows. */
export type UploadTicket = Static<typeof TicketSchema>

/** Tickets as texts for addresses: encrypted, so that an address tells nothing of the caller, and authentic. */
export interface UploadTokens {
  encode(ticket: UploadTicket): string
  /** Undefined: the text is no ticket of this service. It may have expired. */
  decode(token: string): UploadTicket | undefined
}

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** @param key of 32 bytes */
export function createUploadTokens(key: Buffer): UploadTokens {
  return {
    encode(ticket) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, key, nonce)
      const content = Buffer.concat([cipher.update(JSON.stringify(ticket), 'utf8'), cipher.final()])
      return Buffer.concat([nonce, content, cipher.getAuthTag()]).toString('base64url')
    },
    decode(token) {
      const bytes = Buffer.from(token, 'base64url')
      // A token has one spelling: decoding skips what is no base64.
      if (bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== token) return undefined
      try {
        const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
        const content = [decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]
        return Value.Parse(TicketSchema, JSON.parse(Buffer.concat(content).toString('utf8')))
      } catch {
        return undefined
      }
    },
  }
}
