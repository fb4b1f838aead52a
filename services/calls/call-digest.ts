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
  return digestOfCall(call, addAsBytes)
}

/** As a fingerprint, but with the ends of images only, whose hash takes long: the same also for some calls that differ. */
export function outlineOf(call: Call): string {
  return digestOfCall(call, addEnd)
}

function digestOfCall(call: Call, addBlob: typeof addAsBytes): string {
  const { caller } = call.context
  // The price was confirmed before; the image is the same.
  const { idempotency_key: _, confirm_cost: __, ...args } = call.args
  const hash = createHash('sha256')
  hash.update(JSON.stringify([caller.id, call.tool.tool.name, idempotencyKeyOf(call)]))
  addValue(hash, args, addBlob)
  return hash.digest('hex')
}

/** Say how a call is made, and how its image is stored and returned. */
const unpriced = new Set(['idempotency_key', 'confirm_cost', 'dry_run', 'job', 'return', 'output_path', 'tags'])

/** The same for arguments with the same content and price. */
export function confirmedDigestOf(args: Call['args']): string {
  const priced = Object.fromEntries(Object.entries(args).filter(([name]) => !unpriced.has(name)))
  const hash = createHash('sha256')
  addValue(hash, priced)
  return hash.digest('base64url')
}

/**
 * The same for equal JSON values, with members in any order. A text and the `InlineBlob` that stands for it are equal, since
 * checking a call's arguments may turn one into the other.
 */
export function digestOf(value: unknown): string {
  const hash = createHash('sha256')
  addValue(hash, value, addAsText)
  return hash.digest('base64url')
}

/** Hash of the caller that owns a stored result; the file does not reveal who it is. */
export function ownerOf(caller: Caller): string {
  return createHash('sha256').update(caller.id).digest('hex')
}

/** Hash of whom a caller's limits are counted for. */
export function shareOf(caller: Caller): string {
  return createHash('sha256').update(caller.rateLimitKey).digest('hex')
}

function addValue(hash: Hash, value: unknown, addBlob = addAsBytes): void {
  if (Array.isArray(value)) {
    hash.update('[')
    for (const item of value) addValue(hash, item, addBlob)
    hash.update(']')
  } else if (value instanceof InlineBlob) {
    addBlob(hash, value)
  } else if (typeof value === 'object' && value !== null) {
    hash.update('{')
    for (const [key, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(JSON.stringify(key))
      addValue(hash, member, addBlob)
    }
    hash.update('}')
  } else if (typeof value === 'string') {
    hash.update(`"${value.length}:`).update(value)
  } else {
    hash.update(`${JSON.stringify(value)},`)
  }
}

/** Without encoding it; the lengths separate it from what follows. */
function addAsBytes(hash: Hash, { header, bytes }: InlineBlob): void {
  hash.update(`'${header.length},${bytes.length}:`).update(header).update(bytes)
}

const END_BYTES = 4_096

function addEnd(hash: Hash, { header, bytes }: InlineBlob): void {
  hash.update(`'${header.length},${bytes.length}:`).update(bytes.subarray(-END_BYTES))
}

function addAsText(hash: Hash, blob: InlineBlob): void {
  addValue(hash, blob.toText())
}
