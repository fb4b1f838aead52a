import { createHash, randomBytes } from 'node:crypto'
import Type from 'typebox'
import type { Caller } from '../auth/authenticator.ts'
import { createSignedTokens } from '../auth/signed-tokens.ts'
import { questions } from '../calls/input.ts'
import type { HandshakeClient, KnownClient } from './types.ts'

const SessionSchema = Type.Object({
  v: Type.Literal(1),
  /** Digest of the caller. */
  caller: Type.String(),
  /** What the client can be asked. */
  capabilities: Type.Array(Type.Enum([...questions], { type: 'string' })),
  clientInfo: Type.Object({ name: Type.String(), version: Type.String() }),
  /** Seconds since 1970. */
  end: Type.Integer(),
  /** Random, so that no two ids are the same. */
  id: Type.String(),
})

/**
 * What clients said of themselves in their handshake, as session ids that they send back. Nothing is stored, so that every
 * replica reads them. An id gives no access to anything: what is unknown, has expired or belongs to another caller counts as
 * absent. https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management
 */
export interface Sessions {
  /** Visible ASCII, a few hundred bytes. */
  issue(client: HandshakeClient, caller: Caller): string
  read(id: string, caller: Caller): KnownClient | undefined
}

const TTL_MS = 86_400_000
const MAX_NAME_BYTES = 64
const MAX_VERSION_BYTES = 24

export interface SessionsOptions {
  /** 32 bytes. */
  key: Buffer
  /** Milliseconds since 1970. */
  now?: () => number
}

export function createSessions({ key, now = Date.now }: SessionsOptions): Sessions {
  const tokens = createSignedTokens(key, SessionSchema)
  return {
    issue({ name, version, canBeAsked }, caller) {
      return tokens.encode({
        v: 1,
        caller: digestOf(caller),
        capabilities: [...canBeAsked],
        clientInfo: { name: cut(name, MAX_NAME_BYTES), version: cut(version, MAX_VERSION_BYTES) },
        end: Math.floor((now() + TTL_MS) / 1000),
        id: randomBytes(12).toString('base64url'),
      })
    },
    read(id, caller) {
      const session = tokens.decode(id)
      if (session === undefined || now() >= session.end * 1000 || session.caller !== digestOf(caller)) return undefined
      return { name: session.clientInfo.name, canBeAsked: session.capabilities, session: session.id }
    },
  }
}

const digestOf = ({ id }: Caller) => createHash('sha256').update(id).digest('base64url').slice(0, 22)

/** The beginning of a text in so many bytes. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  return bytes.length <= maxBytes
    ? text
    : bytes
        .subarray(0, maxBytes)
        .toString('utf8')
        .replace(/\uFFFD+$/, '')
}
