import Type from 'typebox'
import { createSealedTokens } from '../auth/sealed-tokens.ts'
import { digestOf } from '../calls/call-digest.ts'

const SealedStateSchema = Type.Object({
  /** Of caller, method and params. */
  request: Type.String(),
  /** Milliseconds since 1970. */
  endsAt: Type.Integer(),
  state: Type.Unknown(),
})

export interface StatedRequest {
  /** Id of the caller. */
  caller: string
  method: string
  params: Readonly<Record<string, unknown>>
}

/**
 * What this service remembers of questions, as texts that the client keeps in its place, so that any replica can continue.
 * Each is valid for ten minutes, for the same caller and the same request; not only once: what must not happen twice needs
 * a mark of its own in a database.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
 */
export interface RequestStates {
  encode(state: unknown, request: StatedRequest): string
  /** Undefined: the text was changed, has expired, or belongs to another caller or request. */
  decode(text: string, request: StatedRequest): { state: unknown } | undefined
}

/** Milliseconds. */
const TTL_MS = 600_000

export interface RequestStatesOptions {
  /** 32 bytes. */
  key: Buffer
  /** Milliseconds since 1970. */
  now?: () => number
}

export function createRequestStates({ key, now = Date.now }: RequestStatesOptions): RequestStates {
  const tokens = createSealedTokens(key, SealedStateSchema)
  return {
    encode: (state, request) => tokens.encode({ request: digestOfRequest(request), endsAt: now() + TTL_MS, state }),
    decode(text, request) {
      const sealed = tokens.decode(text)
      if (sealed === undefined || now() >= sealed.endsAt) return undefined
      return sealed.request === digestOfRequest(request) ? { state: sealed.state } : undefined
    },
  }
}

/** Of what a client repeats: everything but its responses and what belongs to one message. */
function digestOfRequest({ caller, method, params }: StatedRequest): string {
  const { _meta, inputResponses, requestState, ...repeated } = params
  return digestOf([caller, method, repeated])
}
