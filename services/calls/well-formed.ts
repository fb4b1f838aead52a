import { InlineBlob } from '../bytes/json/inline-blob.ts'
import { isRecord } from '../bytes/json/is-record.ts'
import { serviceError } from '../errors/errors.ts'

/** Characters of an argument's name that an error repeats. */
const MAX_NAME_LENGTH = 64

/**
 * Rejects arguments with half a surrogate pair: it is no character of UTF-8, so that two different texts would become the same
 * in a hash of the call, and one caller's retry could get the image of another prompt.
 * @throws ServiceError `IMG_ERR_ARGUMENTS`
 */
export function checkWellFormed(args: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(args)) {
    if (isWellFormed(name) && isWellFormed(value)) continue
    const problem = `"${name.slice(0, MAX_NAME_LENGTH).toWellFormed()}" contains half a surrogate pair: send whole characters`
    throw serviceError('IMG_ERR_ARGUMENTS', [problem])
  }
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (Array.isArray(value)) return value.every(isWellFormed)
  if (!isRecord(value) || value instanceof InlineBlob) return true
  return Object.entries(value).every(([name, member]) => isWellFormed(name) && isWellFormed(member))
}
