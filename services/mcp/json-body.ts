import { LONG_STRING, type StringSpan, setPicturesAside } from './long-strings.ts'
import { invalidRequest, parseError } from './protocol-error.ts'

/** Deep enough for any JSON Schema in arguments; deeper only to harm. */
const MAX_DEPTH = 64
/** Strings, brackets and commas outside strings; a call with a picture has some twenty. */
const MAX_TOKENS = 200_000
/** Escaped quotes, which make the scan below stop and look. */
const MAX_ESCAPED_QUOTES = 2_000_000

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Parses a body of JSON that nobody has looked at yet. A picture of megabytes is one string to it: the scan for
 * harmful structure skips strings natively. The last of duplicate keys wins.
 *
 * `base64` on Linux wraps its lines, and a shell puts them into a JSON string as they are; such raw line breaks are
 * taken out and the body is tried once more.
 * @throws ProtocolError -32700 for what is no JSON, -32600 for what is too deep, too crowded or names a prototype
 */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) throw parseError('The body is empty: send one JSON-RPC message.')
  const { text, aside } = setPicturesAside(body, checkStructure(body))
  const value = parse(text.replace(/^\uFEFF/, ''))
  checkKeys(value, aside)
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    if (!/[\r\n]/.test(text)) throw parseError('The body is not valid JSON.')
  }
  try {
    return JSON.parse(text.replace(/[\r\n]+/g, ''))
  } catch {
    throw parseError('The body is not valid JSON.')
  }
}

/**
 * Counts and nests before anything is built, since a few megabytes of brackets become gigabytes of objects. What is
 * not JSON at all is left to the parser. Returns where long strings are.
 */
function checkStructure(body: Buffer): StringSpan[] {
  const long: StringSpan[] = []
  let depth = 0
  let tokens = 0
  let escapedQuotes = 0
  for (let at = 0; at < body.length; at++) {
    switch (body[at]) {
      case QUOTE: {
        let end = body.indexOf(QUOTE, at + 1)
        while (end !== -1 && isEscaped(body, end, at)) {
          if (++escapedQuotes > MAX_ESCAPED_QUOTES) throw tooComplex()
          end = body.indexOf(QUOTE, end + 1)
        }
        if (end === -1) return []
        if (end - at > LONG_STRING) long.push({ start: at + 1, end })
        at = end
        tokens++
        break
      }
      // [ and {
      case 0x5b:
      case 0x7b:
        tokens++
        if (++depth > MAX_DEPTH) throw invalidRequest(`The body is nested deeper than ${MAX_DEPTH} levels.`)
        break
      // ] and }
      case 0x5d:
      case 0x7d:
        depth--
        break
      // ,
      case 0x2c:
        tokens++
        break
    }
    if (tokens > MAX_TOKENS) throw tooComplex()
  }
  return long
}

/** Whether an odd number of backslashes stands before the quote. */
function isEscaped(body: Buffer, quote: number, start: number): boolean {
  let at = quote - 1
  while (at > start && body[at] === BACKSLASH) at--
  return (quote - 1 - at) % 2 === 1
}

function tooComplex() {
  return invalidRequest(`The body holds more than ${MAX_TOKENS} values.`)
}

/** Refuses keys with which a careless merge would reach the prototype of all objects, and puts long strings back. */
function checkKeys(value: unknown, aside: ReadonlyMap<string, string>): void {
  const open: unknown[] = [value]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== 'object' || node === null) continue
    if (Object.hasOwn(node, '__proto__') || hasConstructorPrototype(node)) {
      throw invalidRequest('The body has a forbidden key: __proto__ or constructor.prototype.')
    }
    for (const [key, child] of Object.entries(node)) {
      if (typeof child === 'object') open.push(child)
      const text = typeof child === 'string' ? aside.get(child) : undefined
      if (text !== undefined) Reflect.set(node, key, text)
    }
  }
}

function hasConstructorPrototype(node: object): boolean {
  if (!Object.hasOwn(node, 'constructor')) return false
  const named: unknown = node.constructor
  return typeof named === 'object' && named !== null && Object.hasOwn(named, 'prototype')
}
