import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'

/** Values as texts that clients keep for this service: encrypted, so that they reveal nothing, and authentic. */
export interface SealedTokens<T> {
  encode(value: T): string
  /** Undefined: the text is not from this service. */
  decode(token: string): T | undefined
}

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** @param key of 32 bytes, for this kind of token only */
export function createSealedTokens<S extends TSchema>(key: Buffer, schema: S): SealedTokens<Static<S>> {
  return {
    encode(value) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, key, nonce)
      const content = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
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
        return Value.Parse(schema, JSON.parse(Buffer.concat(content).toString('utf8')))
      } catch {
        return undefined
      }
    },
  }
}
