import { isRecord } from '../bytes/json/is-record.ts'
import { normalizeSize } from '../imaging/size.ts'
import { SIZE_PATTERN } from './patterns.ts'

/**
 * Accepts what clients really send: frameworks fill in optional arguments with null or blank strings, models quote numbers
 * and objects and change the case of choices. The published schema stays strict and validates the normalized arguments.
 */

/** Members that n8n adds to the arguments of every tool. */
const IGNORED: ReadonlySet<string> = new Set(['toolCallId', 'sessionId', 'action', 'chatInput', 'tool'])

/** Names of models have up to 64 characters; no number, size or other choice is longer. */
const MAX_TEXT_LENGTH = 128
/** A region has four numbers. */
const MAX_OBJECT_LENGTH = 500
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
    normalized.push([key, property === undefined ? value : normalize(value, property)])
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
    const record = typeof value === 'string' ? parseObject(value) : value
    return isRecord(record) ? normalizeArguments(record, schema, []) : value
  }
  if (type === 'array' && Array.isArray(value)) return value.filter((member) => !isAbsent(member, undefined))
  if (typeof value !== 'string' || value.length > MAX_TEXT_LENGTH) return value
  if (schema.pattern === SIZE_PATTERN) return normalizeSize(value)
  if (Array.isArray(schema.enum)) return choiceOf(value, schema.enum) ?? value
  const text = value.trim()
  if ((type === 'integer' && INTEGER.test(text)) || (type === 'number' && NUMBER.test(text))) return Number(text)
  if (type === 'boolean' && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  return value
}

/** Some clients send nested objects as JSON. */
function parseObject(text: string): unknown {
  if (text.length > MAX_OBJECT_LENGTH) return undefined
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
