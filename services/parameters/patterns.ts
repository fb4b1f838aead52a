/** Patterns of the published schemas, in ASCII, because some engines accept no other. */
export const SIZE_PATTERN = '^ *([1-9][0-9]{0,6} *[xX*:] *[1-9][0-9]{0,6}|[aA][uU][tT][oO]) *$'
export const IDEMPOTENCY_KEY_PATTERN = '^[!-~]{1,128}$'
export const CONFIRMATION_PATTERN = '^ *[cC]_[0-9a-zA-Z]{12} *$'

/** What a value that does not match must be. */
export const patternSentences: ReadonlyMap<unknown, string> = new Map([
  [SIZE_PATTERN, 'must be width x height in pixels (1024x1024), a ratio (16:9) or auto'],
  [CONFIRMATION_PATTERN, 'must be the code that the rejection named (c_ and 12 letters and digits)'],
  [IDEMPOTENCY_KEY_PATTERN, 'must be 1 to 128 printable ASCII characters without spaces'],
])
