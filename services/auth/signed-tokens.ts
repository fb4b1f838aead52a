import { createHmac } from 'node:crypto'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { isSameSecret } from './api-keys.ts'

/** Values as texts that clients keep for this service: readable by anyone, but authentic. */
export interface SignedTokens<T> {
  encode(value: T): string
  /** Undefined: the text is not from this service. */
  decode(token: string): T | undefined
}

/** Far more than any value here needs; a longer text is not even hashed. */
const MAX_LENGTH = 2_048

/**
 * Texts of visible ASCII: the value as JSON and its HMAC-SHA256, both in base64url.
 *
 * @param key of 32 bytes, for this kind of token only
 */
export function createSignedTokens<S extends TSchema>(key: Buffer, schema: S): SignedTokens<Static<S>> {
  const signatureOf = (content: string) => createHmac('sha256', key).update(content).digest('base64url')
  return {
    encode(value) {
      const content = Buffer.from(JSON.stringify(value)).toString('base64url')
      return `${content}.${signatureOf(content)}`
    },
    decode(token) {
      if (token.length > MAX_LENGTH) return undefined
      const [content = '', signature = '', ...rest] = token.split('.')
      if (rest.length > 0 || !isSameSecret(signatureOf(content), signature)) return undefined
      const value: unknown = JSON.parse(Buffer.from(content, 'base64url').toString('utf8'))
      // Another release may have signed other members.
      return Value.Check(schema, value) ? value : undefined
    },
  }
}
