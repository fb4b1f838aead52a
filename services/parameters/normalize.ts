import { MAX_STROKES_BYTES } from '../../schemas/mask.ts'
import { InlineBlob } from '../bytes/json/inline-blob.ts'
import { isRecord } from '../bytes/json/is-record.ts'
import { normalizeSize } from '../imaging/size.ts'
import { SIZE_PATTERN } from './patterns.ts'

/**
 * Accepts what clients really send: frameworks fill in optional arguments with null or blank strings, models quote numbers
 * objects and lists and change the case of choices. The published schema stays strict and validates the normalized arguments.
 */

/** Members that n8n adds to the arguments of every tool. */
const IGNORED: ReadonlySet<string> = new Set(['toolCallId', 'sessionId', 'action', 'chatInput', 'tool'])

/** Names of models have up to 64 characters; no number, size or other choice is longer. */
const MAX_TEXT_LENGTH = 128
/** A region has four numbers, a list a few ids; the strokes of a mask are the longest. */
const MAX_JSON_LENGTH = MAX_STROKES_BYTES
const INTEGER = /^[+-]?\d+(?:\.0+)?$/
const NUMBER = /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?$/i

/** Anything but spaces and characters that show nothing, such as zero-width and direction marks. */
const INK = /[^\s\p{Cf}\p{DI}\u2800]/u

type Arguments = Readonly<Record<string, unknown>>

/**
 * @param schema the tool's published schema
 * @param optional optional arguments of any tool; those that this schema lacks may still be null
 */
export function normalizeArguments(args: Arguments, schema: object, optional: readonly string[]): Arguments {
  const properties = propertiesOf(schema)
  const required = requiredOf(schema)
  const normalized: [string, unknown][] = []
  for (const key of Object.keys(args)) {
    const value = args[key]
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (property === undefined && IGNORED.has(key)) continue
    const isOptional = property === undefined ? optional.includes(key) : !required.includes(key)
    if (isOptional ? isAbsent(value, property) : property !== undefined && value === null) continue
    const plain = property === undefined ? value : normalize(value, property)
    // A list that arrived as text may turn out to be empty.
    if (!isOptional || !isAbsent(plain, property)) normalized.push([key, plain])
  }
  // Not by assignment, since the key may be `__proto__`.
  return Object.fromEntries(normalized)
}

/** An object or list whose members are all absent is absent too, since some clients fill in every member of a schema. */
function isAbsent(value: unknown, schema: unknown): boolean {
  if (value === null || value === undefined) return true
  if (typeof value === 'string') return !INK.test(value)
  if (Array.isArray(value)) return value.every((member) => isAbsent(member, undefined))
  if (!isRecord(value) || !isRecord(schema)) return false
  const properties = propertiesOf(schema)
  return Object.keys(value).every((key) => Object.hasOwn(properties, key) && isAbsent(value[key], undefined))
}

function normalize(value: unknown, schema: unknown): unknown {
  if (!isRecord(schema)) return value
  const { type } = schema
  if (type === 'object') {
    const record = typeof value === 'string' ? parse(value) : value
    return isRecord(record) ? normalizeArguments(record, schema, []) : value
  }
  if (type === 'array') {
    const list = listOf(value, schema.items)
    if (!Array.isArray(list)) return value
    const { items } = schema
    // Numbers in a list count by their place: without a null among them, each one behind it would be another one.
    const hasPlaces = isRecord(items) && items.type === 'number'
    const members: readonly unknown[] = hasPlaces ? list : list.filter((member) => !isAbsent(member, undefined))
    return isRecord(items) && items.type === 'object' ? members.map((member) => normalize(member, items)) : members
  }
  if (typeof value !== 'string' || value.length > MAX_TEXT_LENGTH) return value
  if (schema.pattern === SIZE_PATTERN) return normalizeSize(value)
  if (Array.isArray(schema.enum)) return choiceOf(value, schema.enum) ?? value
  const text = value.trim()
  if ((type === 'integer' && INTEGER.test(text)) || (type === 'number' && NUMBER.test(text))) return Number(text)
  if (type === 'boolean' && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  return value
}

/** Some clients send a list as JSON, or its only text alone. https://github.com/anthropics/claude-code/issues/22394 */
function listOf(value: unknown, items: unknown): unknown {
  const parsed = typeof value === 'string' ? parse(value) : undefined
  if (Array.isArray(parsed)) return parsed
  const isText = typeof value === 'string' || value instanceof InlineBlob
  return isText && isRecord(items) && items.type === 'string' ? [value] : value
}

/** Some clients send nested objects and lists as JSON. */
function parse(text: string): unknown {
  if (text.length > MAX_JSON_LENGTH) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A choice in another case or spelling (`jpg`, `image/png`, `16/9`). */
function choiceOf(text: string, choices: readonly unknown[]): unknown {
  // The text itself first, since the names of two deployments may differ in case only.
  const same = [text, text.trim(), normalizeSize(text)].find((spelling) => choices.includes(spelling))
  if (same !== undefined) return same
  const plain = text
    .trim()
    .toLowerCase()
    .replace(/^(?:image\/|\.)/, '')
    .replace(/^jpg$/, 'jpeg')
  return choices.find((choice) => typeof choice === 'string' && choice.toLowerCase() === plain)
}

function propertiesOf(schema: object): Readonly<Record<string, unknown>> {
  return 'properties' in schema && isRecord(schema.properties) ? schema.properties : {}
}

function requiredOf(schema: object): readonly unknown[] {
  return 'required' in schema && Array.isArray(schema.required) ? schema.required : []
}
