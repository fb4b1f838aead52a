import { createHash, type Hash } from 'node:crypto'
import type { Caller } from '../auth/authenticator.ts'
import { InlineBlob } from '../bytes/json/inline-blob.ts'
import type { Call } from './types.ts'

/** The idempotency key of a call: its argument, else the header of its request. */
export function idempotencyKeyOf({ args, idempotencyKey }: Call): string | undefined {
  return typeof args.idempotency_key === 'string' ? args.idempotency_key : idempotencyKey
}

/**
 * Under which hash the result of a call with an idempotency key is stored. Clients without credentials may share an
 * address, so the arguments are part of their hash.
 */
export function keyHashOf({ context: { caller } }: Call, key: string, fingerprint: string): string {
  const parts = caller.isAnonymous ? [caller.id, key, fingerprint] : [caller.id, key]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** The same for the same caller, tool, idempotency key and arguments, in any order of arguments. */
export function fingerprintOf(call: Call): string {
  const { caller } = call.context
  const { idempotency_key: _, ...args } = call.args
  const hash = createHash('sha256')
  hash.update(JSON.stringify([caller.id, call.tool.tool.name, idempotencyKeyOf(call)]))
  addValue(hash, args)
  return hash.digest('hex')
}

/** Hash of the caller that owns a stored result; the file does not reveal who it is. */
export function ownerOf(caller: Caller): string {
  return createHash('sha256').update(caller.id).digest('hex')
}

/** Hash of whom a caller's limits are counted for. */
export function shareOf(caller: Caller): string {
  return createHash('sha256').update(caller.rateLimitKey).digest('hex')
}

function addValue(hash: Hash, value: unknown): void {
  if (Array.isArray(value)) {
    hash.update('[')
    for (const item of value) addValue(hash, item)
    hash.update(']')
  } else if (value instanceof InlineBlob) {
    // Hashed without being encoded; the lengths separate it from what follows.
    hash.update(`'${value.header.length},${value.bytes.length}:`).update(value.header).update(value.bytes)
  } else if (typeof value === 'object' && value !== null) {
    hash.update('{')
    for (const [key, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(JSON.stringify(key))
      addValue(hash, member)
    }
    hash.update('}')
  } else if (typeof value === 'string') {
    hash.update(`"${value.length}:`).update(value)
  } else {
    hash.update(`${JSON.stringify(value)},`)
  }
}
