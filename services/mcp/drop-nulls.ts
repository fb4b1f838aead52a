/** Members that clients send blank where they have nothing to say. */
const BLANK_MEMBERS: ReadonlySet<string> = new Set(['cursor', 'arguments'])

/**
 * Params without what is null: clients in typed languages write every optional member, and `_meta` with every one of its
 * own. What is required and null is then missing, which is what the sentence about it says.
 */
export function withoutAbsent(params: unknown): unknown {
  if (!isRecord(params)) return params
  const kept = withoutBlanks(params)
  if (isRecord(kept._meta)) kept._meta = withoutBlanks(kept._meta)
  if (isRecord(kept.context)) kept.context = withoutBlanks(kept.context)
  return kept
}

/** The members that are not null. */
export function withoutNulls<T>(record: Readonly<Record<string, T | null>>): Record<string, T> {
  const kept: Record<string, T> = {}
  for (const [key, value] of Object.entries(record)) if (value !== null) kept[key] = value
  return kept
}

function withoutBlanks(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const key of Object.keys(record)) {
    const value = record[key]
    const isBlank = typeof value === 'string' && value.trim() === '' && BLANK_MEMBERS.has(key)
    if (value !== null && !isBlank) kept[key] = value
  }
  return kept
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
