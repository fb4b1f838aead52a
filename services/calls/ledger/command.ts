import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { codeOf } from '../../errors/error-code.ts'
import { ServiceError } from '../../errors/errors.ts'
import { parseTime } from '../../parameters/times.ts'
import type { LedgerStore, ReceiptSelection } from './ledger-store.ts'
import { addTo, formatRow, type ReceiptFormat, receiptFormats, sumRow, toRow } from './receipt-rows.ts'

const usage = `Usage: receipts --since TIME [--until TIME] [--caller ID] [--format csv|jsonl] [--sum]

  --since   an age (7d), a date (2026-11-01) or a time (2026-11-01T08:00:00Z), in UTC
  --until   likewise; of a date the whole day is included. Default: now
  --caller  as in the receipts: key:NAME, subject:ISSUER#SUBJECT, address:IP or stdio
  --format  csv (default) or jsonl: one JSON object per line
  --sum     one line with the sums in place of the receipts
`

export interface ReceiptsCommandOptions {
  args: readonly string[]
  /** Undefined: there is no state database. Called once the arguments are known to be right. */
  openStore(): Promise<Pick<LedgerStore, 'receipts'> | undefined>
  output: Writable
  errors: Writable
}

const flags = {
  since: { type: 'string' },
  until: { type: 'string' },
  caller: { type: 'string' },
  format: { type: 'string', default: 'csv' },
  sum: { type: 'boolean', default: false },
} as const

interface Request {
  selection: ReceiptSelection
  format: ReceiptFormat
  isSum: boolean
}

/**
 * Writes receipts, the oldest first, as fast as they are read.
 * @returns the exit code: 0, 1 without a database, or 2 for arguments that are wrong
 * @throws DatabaseUnavailableError
 */
export async function runReceiptsCommand({
  args,
  openStore,
  output,
  errors,
}: ReceiptsCommandOptions): Promise<0 | 1 | 2> {
  const request = requestOf(args)
  if (typeof request === 'string') {
    errors.write(request)
    return 2
  }
  const store = await openStore()
  if (store === undefined) {
    errors.write('There are no receipts: IMAGES_DIR (or STATE_DIR) has no state.db, and DATABASE_URL is not set.\n')
    return 1
  }
  try {
    await pipeline(Readable.from(linesOf(store, request)), output, { end: false })
  } catch (error) {
    // `receipts … | head` has seen enough.
    if (codeOf(error) !== 'EPIPE') throw error
  }
  return 0
}

/** A text says what is wrong. */
function requestOf(args: readonly string[]): Request | string {
  try {
    const { since, until, caller, format: name, sum: isSum } = parseArgs({ args: [...args], options: flags }).values
    const format = receiptFormats.find((each) => each === name)
    if (since === undefined || format === undefined) return usage
    const now = Date.now()
    const end = until === undefined ? now : parseTime('--until', until, now).endsAt
    return { selection: { since: parseTime('--since', since, now).startsAt, until: end, caller }, format, isSum }
  } catch (error) {
    return error instanceof ServiceError ? `${error.message}\n` : usage
  }
}

async function* linesOf(store: Pick<LedgerStore, 'receipts'>, { selection, format, isSum }: Request) {
  const sum = { receipts: 0, images: 0, micros: 0, unpriced: 0, unknown: 0 }
  for await (const page of store.receipts(selection)) {
    const lines = page.map((receipt) => {
      addTo(sum, receipt)
      return isSum ? '' : formatRow(toRow(receipt), format, sum.receipts === 1)
    })
    if (!isSum) yield lines.join('')
  }
  if (isSum) yield formatRow(sumRow(sum), format, true)
}
