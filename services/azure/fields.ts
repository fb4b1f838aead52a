/**
 * Reads untrusted JSON member by member: a member of the wrong type is absent, and says nothing about its neighbours. Azure
 * promises no more ("New API response objects might be added at any time; parse only what you need",
 * https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle), and writes null where it means nothing.
 */

/** The first of these members that is neither missing nor null. */
export function member(value: unknown, ...names: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  for (const name of names) {
    const found: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
    if (found !== undefined && found !== null) return found
  }
  return undefined
}

/** A list as it is, a single value as a list of one, absence as an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return value === undefined || value === null ? [] : [value]
}

/** Text, or '' for everything else; `{"lang":"en","value":"…"}` is how OData writes a text. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  const nested = Array.isArray(value) ? undefined : member(value, 'value', 'code')
  return typeof nested === 'string' || typeof nested === 'number' ? String(nested) : ''
}

/** Far more than one call uses up; a counter that took more in would never come right again. */
const maxAmount = 1_000_000_000

/** The first of the values that is an amount, also one written as text. */
export function firstAmount(...values: readonly unknown[]): number | undefined {
  for (const value of values) {
    const amount = typeof value === 'string' && /^\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : value
    if (typeof amount === 'number' && amount >= 0 && amount <= maxAmount) return amount
  }
  return undefined
}
