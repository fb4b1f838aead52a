/**
 * Reads untrusted JSON member by member: a member of the wrong type counts as absent and does not affect the others. Azure
 * promises no stable schema ("New API response objects might be added at any time; parse only what you need",
 * https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle), and null counts as absent.
 */

/** The first of these members that is neither absent nor null. */
export function member(value: unknown, ...names: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  for (const name of names) {
    const found: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
    if (found !== undefined && found !== null) return found
  }
  return undefined
}

/** An array unchanged, a single value as an array of one, absence as an empty array. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return value === undefined || value === null ? [] : [value]
}

/** A string or number as text, '' for anything else. OData writes texts as `{"lang":"en","value":"…"}`. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  const nested = Array.isArray(value) ? undefined : member(value, 'value', 'code')
  return typeof nested === 'string' || typeof nested === 'number' ? String(nested) : ''
}

/** Far above the usage of one call; a larger value would ruin a counter for good. */
const MAX_AMOUNT = 1_000_000_000

/** The first of the values that is a plausible amount, as a number or as text. */
export function firstAmount(...values: readonly unknown[]): number | undefined {
  for (const value of values) {
    const amount = typeof value === 'string' && /^\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : value
    if (typeof amount === 'number' && amount >= 0 && amount <= MAX_AMOUNT) return amount
  }
  return undefined
}
