import { isUtf8 } from 'node:buffer'
import { invalidRequest, PARSE_ERROR, ProtocolError, parseError } from '../mcp/protocol-error.ts'
import {
  extractInlineImages,
  type InlineImages,
  LONG_STRING,
  noInlineImages,
  type StringSpan,
} from './inline-images.ts'
import { escapeLineBreaks } from './json-line-breaks.ts'

/** Deep enough for any JSON Schema in arguments; deeper only to harm. */
const MAX_DEPTH = 64
/**
 * Strings, brackets and commas outside strings. A call with an image has some twenty, one with a mask of thousands of
 * points some fifteen thousand; each costs time in the parser, the checks and the schema.
 */
const MAX_TOKENS = 20_000
/** Escaped quotes, which make the scan below stop and look. */
const MAX_ESCAPED_QUOTES = 200_000

const QUOTE = 0x22
const BACKSLASH = 0x5c
const BYTE_ORDER_MARK = 0xfeff

export interface ParsedBody {
  message: unknown
  /** Images among the arguments of a call to a tool; everywhere else the message has their texts. */
  images: InlineImages
  /** Memory that the message and its images take from now on. */
  retainedBytes: number
}

/**
 * Parses a body of JSON that nobody has looked at yet. An image of megabytes is one string to it: the scan for
 * harmful structure skips strings natively, and its bytes go beside the message. The last of duplicate keys wins.
 *
 * `base64` on Linux wraps its lines, and a shell puts them into a JSON string as they are; such raw line breaks are
 * taken out of base64 and escaped elsewhere, and the body is tried once more.
 * @throws ProtocolError -32700 for what is no JSON or no UTF-8, -32600 for what is too deep, too crowded or names a prototype
 */
export function parseJsonBody(body: Buffer): ParsedBody {
  if (body.length === 0) throw parseError('The body is empty: send one JSON-RPC message.')
  checkEncoding(body)
  try {
    return parseOnce(body)
  } catch (error) {
    const fixed = error instanceof ProtocolError && error.code === PARSE_ERROR ? escapeLineBreaks(body) : undefined
    if (fixed === undefined) throw error
    // From the start: with other line breaks, strings may begin and end elsewhere.
    return parseOnce(fixed)
  }
}

const ON_WINDOWS =
  'On Windows, curl.exe sends a file that was saved as UTF-8 with --data-binary @body.json, and PowerShell 5.1 the bytes ' +
  '[Text.Encoding]::UTF8.GetBytes($json).'

/** A prompt in another encoding would reach Azure as rubbish, and be paid for. */
function checkEncoding(body: Buffer): void {
  // ASCII in UTF-16 has a NUL in every other byte, and JSON begins with ASCII.
  const [first, second] = body
  const isUtf16 = (first === 0 || second === 0) && first !== second
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  if (isUtf16 || hasMark) throw parseError(`The body is not UTF-8 but UTF-16. ${ON_WINDOWS}`)
  if (!isUtf8(body)) throw parseError(`The body is not UTF-8. ${ON_WINDOWS}`)
}

function parseOnce(body: Buffer): ParsedBody {
  // A small body cannot become so much that it has to be looked at before it is parsed.
  const isLarge = body.length > LONG_STRING
  const { text, images } = extractInlineImages(body, isLarge ? checkStructure(body) : [])
  try {
    const message = parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text)
    const args = typeof message === 'object' && message !== null ? checkMessage(message, images) : undefined
    if (args !== undefined) return { message, images, retainedBytes: text.length + images.allocatedBytes }
    images.release()
    return { message, images: noInlineImages, retainedBytes: body.length }
  } catch (error) {
    images.release()
    // What is wrong with its structure says more than that it is no JSON.
    if (!isLarge) checkStructure(body)
    throw error
  }
}

/** Puts back what is not an argument of a call to a tool, and returns those arguments. */
function checkMessage(message: object, images: InlineImages): object | undefined {
  checkMembers(message, 1)
  const args = argumentsOf(message)
  images.restore(message, (node, key) => args !== undefined && Reflect.get(node, key) === args)
  return args
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
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
        if (++depth > MAX_DEPTH) throw tooDeep()
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

function tooDeep() {
  return invalidRequest(`The body is nested deeper than ${MAX_DEPTH} levels.`)
}

function tooComplex() {
  return invalidRequest(`The body holds more than ${MAX_TOKENS} values.`)
}

/** Rejects what is too deep, and keys with which a careless merge would reach the prototype of all objects. */
function checkMembers(node: object, depth: number): void {
  if (depth > MAX_DEPTH) throw tooDeep()
  for (const key of Object.keys(node)) {
    const child: unknown = Reflect.get(node, key)
    if (key === '__proto__' || (key === 'constructor' && hasPrototype(child))) {
      throw invalidRequest('The body has a forbidden key: __proto__ or constructor.prototype.')
    }
    if (typeof child === 'object' && child !== null) checkMembers(child, depth + 1)
  }
}

function hasPrototype(named: unknown): boolean {
  return typeof named === 'object' && named !== null && Object.hasOwn(named, 'prototype')
}

/** What a call to a tool gives it. */
function argumentsOf(message: object): object | undefined {
  if (!('method' in message) || message.method !== 'tools/call' || !('params' in message)) return undefined
  const { params } = message
  if (typeof params !== 'object' || params === null || !('arguments' in params)) return undefined
  return typeof params.arguments === 'object' && params.arguments !== null ? params.arguments : undefined
}
