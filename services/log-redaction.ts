/** Names under which a key, a prompt or a picture would stand in a line, should one ever get there. */
const hiddenNames: ReadonlySet<string> = new Set(['authorization', 'api-key', 'x-api-key', 'prompt', 'data'])

/** Deeper than any field that is logged. */
const maxDepth = 4

/**
 * The fields of a log line without values that must not be in one: the last of several guards, since whoever logs
 * already leaves them out. Fields without such a value come back as they are, not copied.
 */
export function hideSecrets<T extends object>(fields: T): T {
  return hideMembers(fields, 0)
}

function hideMembers<T extends object>(fields: T, depth: number): T {
  let copy: T | undefined
  for (const [name, value] of Object.entries(fields)) {
    const shown = hiddenNames.has(name) ? '[redacted]' : hideWithin(value, depth)
    if (shown === value) continue
    copy ??= { ...fields }
    Object.assign(copy, { [name]: shown })
  }
  return copy ?? fields
}

function hideWithin(value: unknown, depth: number): unknown {
  // Errors are made plain by their serializer first.
  if (typeof value !== 'object' || value === null || value instanceof Error) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth === maxDepth) return '[nested too deep]'
  return Array.isArray(value) ? value.map((member) => hideWithin(member, depth + 1)) : hideMembers(value, depth + 1)
}
