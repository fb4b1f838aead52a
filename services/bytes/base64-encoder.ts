/** Bytes encoded at a time; a multiple of three, so that the chunks' texts join without padding between them. */
export const ENCODED_AT_A_TIME = 98_304

/** The base64 text (RFC 4648 §4) of `bytes`, chunk by chunk, so that it is never in memory as a whole. */
export function* encodeBase64(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += ENCODED_AT_A_TIME) {
    yield Buffer.from(bytes.toString('base64', at, at + ENCODED_AT_A_TIME), 'latin1')
  }
}

/** Characters of the base64 text of so many bytes. */
export function encodedLength(bytes: number): number {
  return Math.ceil(bytes / 3) * 4
}
