import { createHash, timingSafeEqual } from 'node:crypto'
import { InvalidValueError } from '../errors/app-error.ts'

/** A key in memory: its digest, never the key itself. */
export interface ApiKey {
  /** The caller that the key identifies. Several keys may have one name, for example while one replaces another. */
  name: string
  /** SHA-256 of the key. */
  digest: Buffer
  /** Characters of the key, to warn of one that can be guessed. */
  length: number
}

const MAX_KEYS = 1000
const namePattern = /^[\w.@-]{1,64}$/
/** The characters that a header may contain without quoting. */
const keyPattern = /^[\x21-\x7e]{1,512}$/

/**
 * Parses `name:key` entries, separated by newlines or commas; blank ones and lines that start with `#` are skipped.
 * @throws InvalidValueError that names the entry by its position, never by its text
 */
export function parseApiKeys(text: string): ApiKey[] {
  const entries = text
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  if (entries.length === 0) throw new InvalidValueError('has no entry of the form name:key')
  if (entries.length > MAX_KEYS) throw new InvalidValueError(`has more than ${MAX_KEYS} entries`)
  const keys = entries.map(parseEntry)
  const owners = new Map<string, string>()
  for (const [index, { name, digest }] of keys.entries()) {
    const owner = owners.get(digest.toString('hex'))
    if (owner !== undefined && owner !== name)
      throw new InvalidValueError(`has in entry ${index + 1} the key of another name`)
    owners.set(digest.toString('hex'), name)
  }
  return keys
}

function parseEntry(entry: string, index: number): ApiKey {
  const colon = entry.indexOf(':')
  const name = entry.slice(0, Math.max(colon, 0)).trim()
  const key = entry.slice(colon + 1).trim()
  if (!namePattern.test(name)) {
    throw new InvalidValueError(`has in entry ${index + 1} no name of letters, digits and _ . @ - before a colon`)
  }
  if (!keyPattern.test(key)) {
    throw new InvalidValueError(`has in entry ${index + 1} no key of 1 to 512 visible ASCII characters after the colon`)
  }
  return { name, digest: digestOf(key), length: key.length }
}

/**
 * The name of a presented key. Every key is compared, each in constant time, so that the duration reveals nothing about
 * any of them.
 */
export function findApiKey(keys: readonly ApiKey[], presented: string): string | undefined {
  const digest = digestOf(presented)
  let found: string | undefined
  for (const key of keys) {
    if (timingSafeEqual(key.digest, digest)) found = key.name
  }
  return found
}

/** Compares two secrets in constant time. */
export function isSameSecret(expected: string, presented: string): boolean {
  return timingSafeEqual(digestOf(expected), digestOf(presented))
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
