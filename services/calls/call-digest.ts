import { createHash, type Hash } from 'node:crypto'
import type { InlineImages } from '../bytes/inline-images.ts'
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
  const { caller, tool, images } = call
  const { idempotency_key: _, ...args } = call.args
  const hash = createHash('sha256')
  hash.update(JSON.stringify([caller, tool, idempotencyKeyOf(call)]))
  addValue(hash, args, images)
  return hash.digest('hex')
}

/** Who owns a kept image, without telling who that is. */
export function ownerOf(caller: string): string {
  return createHash('sha256').update(caller).digest('hex')
}

function addValue(hash: Hash, value: unknown, images: InlineImages): void {
  if (Array.isArray(value)) {
    hash.update('[')
    for (const item of value) addValue(hash, item, images)
    hash.update(']')
  } else if (typeof value === 'object' && value !== null) {
    hash.update('{')
    for (const [key, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(JSON.stringify(key))
      addValue(hash, member, images)
    }
    hash.update('}')
  } else if (typeof value === 'string') {
    addText(hash, value, images)
  } else {
    hash.update(`${JSON.stringify(value)},`)
  }
}

/** An image of megabytes is hashed as it is; its length keeps it apart from what follows. */
function addText(hash: Hash, text: string, images: InlineImages): void {
  const image = images.find(text)
  if (image === undefined) hash.update(`"${text.length}:`).update(text)
  else hash.update(`'${image.header.length},${image.bytes.length}:`).update(image.header).update(image.bytes)
}
