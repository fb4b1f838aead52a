import { toUsd } from './money.ts'
import type { Receipt } from './receipt.ts'

/** A receipt as people and programs read it. */
type ReceiptRow = Readonly<Record<string, string | number | readonly string[] | undefined>>

export const receiptFormats = ['csv', 'jsonl'] as const
export type ReceiptFormat = (typeof receiptFormats)[number]

export function toRow({ id, createdAt, outcome, caller, micros, isPriced, facts }: Receipt): ReceiptRow {
  const { usage, images } = facts
  return {
    time: new Date(createdAt).toISOString(),
    receipt: id,
    call_id: facts.callId,
    caller,
    door: facts.door,
    tool: facts.tool,
    model: facts.model,
    deployment: facts.deployment,
    azure_request_id: facts.azureRequestId,
    attempts: facts.attempts,
    outcome,
    images: facts.count,
    cost_usd: micros === undefined ? undefined : toUsd(micros),
    cost_basis: micros === undefined ? 'unknown' : isPriced ? 'list' : 'reserved',
    text_tokens_in: usage.textTokensIn,
    image_tokens_in: usage.imageTokensIn,
    tokens_out: usage.tokensOut,
    megapixels_in: usage.megapixelsIn,
    megapixels_out: usage.megapixelsOut,
    image_ids: images.map((image) => image.id),
    image_sha256: images.map(({ sha256 }) => sha256),
    prompt_sha256: facts.promptSha256,
    rules: facts.rules,
    prompt: facts.prompt,
  }
}

/** Of all receipts that were read. */
export interface ReceiptSum {
  receipts: number
  images: number
  micros: number
  /** Receipts without a cost. */
  unpriced: number
  /** Receipts whose image may have been generated. */
  unknown: number
}

export function addTo(sum: ReceiptSum, { micros, outcome, facts }: Receipt): void {
  sum.receipts++
  sum.images += facts.count
  sum.micros += micros ?? 0
  if (micros === undefined) sum.unpriced++
  if (outcome === 'unknown') sum.unknown++
}

export function sumRow({ micros, ...sum }: ReceiptSum): ReceiptRow {
  return { ...sum, cost_usd: toUsd(micros) }
}

/** The line of a row; with the names of its columns first where the format has them. */
export function formatRow(row: ReceiptRow, format: ReceiptFormat, isFirst: boolean): string {
  if (format === 'jsonl') return `${JSON.stringify(row)}\n`
  const header = isFirst ? `${Object.keys(row).join(',')}\r\n` : ''
  return `${header}${Object.values(row).map(cell).join(',')}\r\n`
}

/**
 * Spreadsheets run a cell that looks like a formula unless an apostrophe precedes it, also behind blanks and quotes, and in
 * the wide forms of the characters. Those that split at other separators than the comma make cells of the parts of a text.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
const FORMULA: ReadonlySet<string> = new Set('=+-@＝＋－＠')
const SEPARATORS: ReadonlySet<string> = new Set(',;|\t\r\n')
const IGNORED = /[\s\p{Cc}\p{Cf}"']/u

function withoutFormulas(text: string): string {
  let safe = ''
  let isStart = true
  for (const character of text) {
    if (isStart && FORMULA.has(character)) safe += "'"
    isStart = SEPARATORS.has(character) || (isStart && IGNORED.test(character))
    safe += character
  }
  return safe
}

/** https://www.rfc-editor.org/rfc/rfc4180 */
function cell(value: ReceiptRow[string]): string {
  if (value === undefined) return ''
  if (typeof value === 'number') return String(value)
  const safe = withoutFormulas(typeof value === 'string' ? value : value.join(' '))
  return /[",;|\t\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe
}
