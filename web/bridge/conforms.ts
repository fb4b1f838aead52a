import type { Static, TSchema } from 'typebox'
import { isObject, type JsonObject, listOf, objectOf } from './json.ts'

/**
 * Whether a value conforms to a schema of `schemas/studio.ts`. TypeBox's own check is 27 KB (gzip), half of what the whole
 * studio may be; this one knows the keywords that those schemas have, but no limits of lengths and numbers. Members that the
 * schema does not have are allowed, because a host may show the studio of yesterday with the service of today.
 */
export function conforms<const Schema extends TSchema>(schema: Schema, value: unknown): value is Static<Schema> {
  return check(objectOf(schema), value)
}

function check(schema: JsonObject, value: unknown): boolean {
  const { type, anyOf, enum: allowed } = schema
  if (Array.isArray(anyOf)) return anyOf.some((each) => check(objectOf(each), value))
  if (Array.isArray(allowed)) return allowed.includes(value)
  if (type === 'object') return isObject(value) && hasMembers(schema, value)
  if (type === 'array') return Array.isArray(value) && value.every((each) => check(objectOf(schema.items), each))
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'number') return Number.isFinite(value)
  if (type === 'null') return value === null
  return typeof value === type
}

function hasMembers(schema: JsonObject, value: JsonObject): boolean {
  const required = listOf(schema.required)
  return Object.entries(objectOf(schema.properties)).every(([name, each]) =>
    value[name] === undefined ? !required.includes(name) : check(objectOf(each), value[name]),
  )
}
