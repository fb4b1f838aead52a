/** Members that clients send blank where they have nothing to say. */
const BLANK_MEMBERS: ReadonlySet<string> = new Set(['cursor', 'arguments'])

/**
 * Params without what is null: clients in typed languages write every optional member, and `_meta` with every one of its
 * own. What is required and null is then missing, which is what the sentence about it says.
 */
export function withoutAbsent(params: unknown): unknown {
  if (!isRecord(params)) return params
  const stored = withoutBlanks(params)
  if (isRecord(stored._meta)) stored._meta = withoutBlanks(stored._meta)
  if (isRecord(stored.context)) stored.context = withoutBlanks(stored.context)
  return stored
}

/** The members that are not null. */
export function withoutNulls<T>(record: Readonly<Record<string, T | null>>): Record<string, T> {
  const stored: Record<string, T> = {}
  for (const [key, value] of Object.entries(record)) if (value !== null) stored[key] = value
  return stored
}

function withoutBlanks(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const stored: Record<string, unknown> = {}
  for (const key of Object.keys(record)) {
    const value = record[key]
    const isBlank = typeof value === 'string' && value.trim() === '' && BLANK_MEMBERS.has(key)
    if (value !== null && !isBlank) stored[key] = value
  }
  return stored
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
