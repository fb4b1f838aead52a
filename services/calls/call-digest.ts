import { createHash, type Hash } from 'node:crypto'
import { InlineBlob } from '../bytes/json/inline-blob.ts'
import type { PendingCall } from '../mcp/method.ts'

/** The idempotency key that a call carries, as its argument or as the header of its request. */
export function idempotencyKeyOf({ args, idempotencyKey }: PendingCall): string | undefined {
  return typeof args.idempotency_key === 'string' ? args.idempotency_key : idempotencyKey
}

/**
 * Under what the result of a call with an idempotency key is stored. Callers without credentials may share an address, so
 * that for them the arguments are part of the key.
 */
export function keyHashOf({ caller }: PendingCall, key: string, fingerprint: string): string {
  const parts = caller.startsWith('address:') ? [caller, key, fingerprint] : [caller, key]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** The same for the same caller, tool, idempotency key and arguments, in whatever order the arguments came. */
export function fingerprintOf(call: PendingCall): string {
  const { caller, tool } = call
  const { idempotency_key: _, ...args } = call.args
  const hash = createHash('sha256')
  hash.update(JSON.stringify([caller, tool, idempotencyKeyOf(call)]))
  addValue(hash, args)
  return hash.digest('hex')
}

/** Who owns a kept image, without telling who that is. */
export function ownerOf(caller: string): string {
  return createHash('sha256').update(caller).digest('hex')
}

function addValue(hash: Hash, value: unknown): void {
  if (Array.isArray(value)) {
    hash.update('[')
    for (const item of value) addValue(hash, item)
    hash.update(']')
  } else if (value instanceof InlineBlob) {
    // Megabytes are hashed as they are; the length separates them from what follows.
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
