import { randomBytes } from 'node:crypto'

/** Crockford's alphabet in lower case: no i, l, o, u. https://www.crockford.com/base32.html */
export const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const TIME_CHARACTERS = 10
const RANDOM_BYTES = 10

const IMAGE_ID = /^img_[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$/

/**
 * A new id: `img_`, ten characters of the time and sixteen of 80 fresh random bits, so that ids sort by their millisecond.
 * Never monotonic within one: where an id is the only key to an image, the next one must not be predictable.
 *
 * @param now milliseconds since 1970
 */
export function newImageId(now = Date.now()): string {
  return `img_${encode(BigInt(now), TIME_CHARACTERS)}${encode(randomNumber(), 16)}`
}

export function isImageId(text: string): boolean {
  return IMAGE_ID.test(text)
}

/** Milliseconds since 1970 at which an id was made. */
export function timeOfId(id: string): number {
  return Number(decode(id.slice(4, 4 + TIME_CHARACTERS)))
}

const ID_START = /^img_[0-7][0-9abcdefghjkmnpqrstvwxyz]{0,25}$/

/** The times of the ids that begin with a text, from `since` to before `until`; undefined: no id begins with it. */
export function timesOfIdPrefix(prefix: string): { since: number; until: number } | undefined {
  if ('img_'.startsWith(prefix)) return { since: 0, until: Number(1n << 48n) }
  if (!ID_START.test(prefix)) return undefined
  const typed = prefix.slice(4, 4 + TIME_CHARACTERS)
  return {
    since: Number(decode(typed.padEnd(TIME_CHARACTERS, '0'))),
    until: Number(decode(typed.padEnd(TIME_CHARACTERS, 'z'))) + 1,
  }
}

/**
 * The place of an image in lists, as a whole number below 2^53 that grows with time: the id's milliseconds, then ten of its
 * random bits. Two images can share one; an index then takes the next free number.
 */
export function positionOfId(id: string): number {
  return timeOfId(id) * 1024 + Number(decode(id.slice(4 + TIME_CHARACTERS, 6 + TIME_CHARACTERS)))
}

/** The first position at a time; the last one before it is one less. */
export function positionOfTime(time: number): number {
  return Math.min(Math.max(0, Math.floor(time)) * 1024, Number.MAX_SAFE_INTEGER)
}

function randomNumber(): bigint {
  return BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`)
}

function encode(number: bigint, length: number): string {
  let text = ''
  for (let rest = number; text.length < length; rest >>= 5n) text = ALPHABET.charAt(Number(rest & 31n)) + text
  return text
}

function decode(text: string): bigint {
  let number = 0n
  for (const character of text) number = (number << 5n) | BigInt(ALPHABET.indexOf(character))
  return number
}
