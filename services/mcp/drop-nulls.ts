import { isRecord } from '../bytes/json/is-record.ts'

/** Members that clients send blank instead of leaving them out. */
const BLANK_MEMBERS: ReadonlySet<string> = new Set(['cursor', 'arguments'])

const OBJECT_MEMBERS: ReadonlySet<string> = new Set(['arguments', '_meta', 'capabilities', 'context', 'inputResponses'])

/** An object that is empty may be written as an empty list: PHP knows no difference. Other values are returned unchanged. */
export function objectOfEmptyList(value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? {} : value
}

/**
 * Params without null members: clients in typed languages send every optional member, `_meta` and its members included. A
 * required member that is null is then reported as missing. Empty lists in place of objects become objects.
 */
export function withoutAbsent(value: unknown): unknown {
  const params = objectOfEmptyList(value)
  if (!isRecord(params)) return params
  const result = withoutBlanks(params)
  if (isRecord(result._meta)) result._meta = withoutBlanks(result._meta)
  if (isRecord(result.context)) result.context = withoutBlanks(result.context)
  return result
}

/** The members that are not null. */
export function withoutNulls<T>(record: Readonly<Record<string, T | null>>): Record<string, T> {
  const result: Record<string, T> = {}
  for (const [key, value] of Object.entries(record)) if (value !== null) result[key] = value
  return result
}

function withoutBlanks(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const key of Object.keys(record)) {
    const value = record[key]
    const isBlank = typeof value === 'string' && value.trim() === '' && BLANK_MEMBERS.has(key)
    if (value !== null && !isBlank) result[key] = OBJECT_MEMBERS.has(key) ? objectOfEmptyList(value) : value
  }
  return result
}
