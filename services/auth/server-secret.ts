import { hkdfSync, randomBytes } from 'node:crypto'

/** What is signed with the secret. Each has its own key, so that a signature of one means nothing to another. */
export type KeyPurpose =
  | 'links'
  | 'uploads'
  | 'request-state'
  | 'confirmations'
  | 'image-events'
  | 'sessions'
  | 'questions'

/** The secret of this service, `SERVER_SECRET`, which leaves it only as keys. */
export interface ServerSecret {
  /** A key of 32 bytes. */
  keyFor(purpose: KeyPurpose): Buffer
}

/** Names the service, so that a secret that is used elsewhere as well gives other keys there. */
const SALT = 'azure-image-editor-mcp'
const KEY_BYTES = 32

/**
 * Derives keys by HKDF. https://www.rfc-editor.org/rfc/rfc5869
 * @param secret undefined: a random one, so that what it signs is valid for the life of the process
 */
export function createServerSecret(secret: string | undefined): ServerSecret {
  const material = secret === undefined ? randomBytes(KEY_BYTES) : Buffer.from(secret)
  return { keyFor: (purpose) => Buffer.from(hkdfSync('sha256', material, SALT, purpose, KEY_BYTES)) }
}
