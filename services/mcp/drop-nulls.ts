import { isRecord } from '../bytes/json/is-record.ts'

/** Members that clients send blank instead of leaving them out. */
const BLANK_MEMBERS: ReadonlySet<string> = new Set(['cursor', 'arguments'])

/**
 * Params without null members: clients in typed languages send every optional member, `_meta` and its members included. A
 * required member that is null is then reported as missing.
 */
export function withoutAbsent(params: unknown): unknown {
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
    if (value !== null && !isBlank) result[key] = value
  }
  return result
}
