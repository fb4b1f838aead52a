import type { BufferPool } from '../buffer-pool.ts'
import { InlineBlob, restoreTexts } from './inline-blob.ts'
import { escapeLineBreaks } from './line-breaks.ts'
import { forEachMember, Placeholders } from './placeholders.ts'
import { isJsonWhitespace, JsonStructureError, StringScanner } from './string-scanner.ts'

/** Deep enough for any JSON Schema in arguments; deeper only to harm. */
const MAX_DEPTH = 64
/**
 * Strings, brackets and commas outside strings. A call with an image has about twenty, one with a mask of thousands of
 * points about fifteen thousand; each costs time in the parser, the checks and the schema.
 */
const MAX_TOKENS = 20_000
const MAX_ESCAPED_QUOTES = 200_000

/** Bytes from which a string is worth extracting, and a body worth scanning before it is parsed. */
export const LONG_STRING = 65_536

const BYTE_ORDER_MARK = 0xfeff
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

export interface ParseOptions {
  /** Where the blobs' bytes go. */
  pool: BufferPool
  /** The part of the value in which long base64 texts stay `InlineBlob`s; everywhere else they are text again. */
  blobsIn(value: object): object | undefined
  /** Whether a member of this name is base64, so that raw line breaks in it are a program's wrapping. */
  isBase64(key: string): boolean
}

/** Disposing it frees the memory of its blobs. */
export interface ParsedJson extends Disposable {
  readonly value: unknown
  /** Memory that the value takes, including its blobs. */
  readonly retainedBytes: number
}

/**
 * Parses untrusted JSON in UTF-8, whose long base64 texts become `InlineBlob`s without being looked at by `JSON.parse`.
 * The last of duplicate keys wins. Raw line breaks in strings are repaired (see `escapeLineBreaks`).
 * @throws SyntaxError for what is not JSON
 * @throws JsonStructureError for what is too deep or too crowded, or would reach the prototype of all objects
 */
export function parseBody(body: Buffer, options: ParseOptions): ParsedJson {
  try {
    return parseOnce(body, options)
  } catch (error) {
    const repaired = error instanceof SyntaxError ? escapeLineBreaks(body, options.isBase64) : undefined
    if (repaired === undefined) throw error
    // From the start: with other line breaks, strings may begin and end elsewhere.
    return parseOnce(repaired, options)
  }
}

function parseOnce(body: Buffer, { pool, blobsIn }: ParseOptions): ParsedJson {
  // A small body cannot grow so much that it has to be checked before it is parsed.
  const isLarge = body.length > LONG_STRING
  const { text, blobs } = extractBlobs(body, isLarge ? checkStructure(body) : [], pool)
  try {
    const root = { value: parse(text) }
    placeBlobs(root, blobs)
    if (blobs.size === 0) return { value: root.value, retainedBytes: text.length, [Symbol.dispose]: ignore }
    const { value } = root
    const inBlobs = isContainer(value) ? blobsIn(value) : undefined
    restoreTexts(root, (parent, key) => inBlobs !== undefined && Reflect.get(parent, key) === inBlobs)
    if (inBlobs === undefined) disposeBlobs(blobs)
    const blobBytes = inBlobs === undefined ? body.length - text.length : allocatedBytes(blobs)
    return { value: root.value, retainedBytes: text.length + blobBytes, [Symbol.dispose]: () => disposeBlobs(blobs) }
  } catch (error) {
    disposeBlobs(blobs)
    // A structural problem says more than that it is not JSON.
    if (!isLarge) checkStructure(body)
    throw error
  }
}

function ignore(): void {}

function parse(text: string): unknown {
  return JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text)
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof InlineBlob)
}

interface StringSpan {
  start: number
  end: number
}

/**
 * Counts and nests before anything is built, because a few megabytes of brackets become gigabytes of objects. What is not
 * JSON at all is left to the parser. Returns the positions of long strings that are not keys.
 */
function checkStructure(body: Buffer): StringSpan[] {
  const scanner = new StringScanner(MAX_ESCAPED_QUOTES)
  const counter = new StructureCounter()
  const long: StringSpan[] = []
  let last: StringSpan | undefined
  for (let at = 0; at < body.length; ) {
    const { isInside } = scanner
    const end = scanner.endOfRun(body, at)
    if (isInside) {
      counter.count()
      last = end - at > LONG_STRING ? { start: at, end } : undefined
    } else {
      counter.readPunctuation(body, at, end)
      if (last !== undefined && !isColonNext(body, at)) long.push(last)
      last = undefined
    }
    at = end + 1
  }
  // A string that ends with the body is complete only if its quote was seen.
  if (last !== undefined && !scanner.isInside) long.push(last)
  return scanner.isInside ? [] : long
}

class StructureCounter {
  #depth = 0
  #tokens = 0

  /** What lies between strings. */
  readPunctuation(body: Buffer, from: number, end: number): void {
    for (let at = from; at < end; at++) {
      const byte = body[at]
      if (byte === COMMA) this.count()
      else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
        this.count()
        if (++this.#depth > MAX_DEPTH) throw tooDeep()
      } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) this.#depth--
    }
  }

  /** @throws JsonStructureError */
  count(): void {
    if (++this.#tokens > MAX_TOKENS) throw new JsonStructureError(`The body contains more than ${MAX_TOKENS} values.`)
  }
}

function isColonNext(body: Buffer, from: number): boolean {
  let at = from
  while (isJsonWhitespace(body[at])) at++
  return body[at] === COLON
}

/** The text with a placeholder for each blob. */
function extractBlobs(body: Buffer, spans: readonly StringSpan[], pool: BufferPool) {
  const blobs = new Placeholders<InlineBlob>()
  let text = ''
  let from = 0
  for (const { start, end } of spans) {
    const blob = InlineBlob.decode(body.subarray(start, end), pool)
    if (blob === undefined) continue
    text += body.toString('utf8', from, start) + blobs.add(blob)
    from = end
  }
  text += body.toString('utf8', from)
  return { text, blobs }
}

/** Puts the blobs in; rejects what is too deep, and keys with which a careless merge would reach the prototype of all objects. */
function placeBlobs(root: object, blobs: Placeholders<InlineBlob>): void {
  forEachMember(root, (parent, key, value, depth) => {
    if (typeof value === 'object' && value !== null && depth > MAX_DEPTH) throw tooDeep()
    if (key === '__proto__' || (key === 'constructor' && hasPrototype(value))) {
      throw new JsonStructureError('The body has a forbidden key: __proto__ or constructor.prototype.')
    }
    const blob = typeof value === 'string' ? blobs.find(value) : undefined
    if (blob !== undefined) Reflect.set(parent, key, blob)
    return true
  })
}

function hasPrototype(named: unknown): boolean {
  return typeof named === 'object' && named !== null && Object.hasOwn(named, 'prototype')
}

function tooDeep() {
  return new JsonStructureError(`The body is nested deeper than ${MAX_DEPTH} levels.`)
}

function allocatedBytes(blobs: Placeholders<InlineBlob>): number {
  let sum = 0
  for (const blob of blobs.values()) sum += blob.allocatedBytes
  return sum
}

function disposeBlobs(blobs: Placeholders<InlineBlob>): void {
  for (const blob of blobs.values()) blob[Symbol.dispose]()
}
