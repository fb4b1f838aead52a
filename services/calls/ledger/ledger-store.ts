import type { Static } from 'typebox'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { hasChanged, type Row, type Run, type StateDatabase } from '../../databases/state-database.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Entry, Reservation } from './budget.ts'
import { type Receipt, ReceiptFactsSchema, receiptOutcomes } from './receipt.ts'

/** A budget does not allow a call. */
export class BudgetExceededError extends AppError {
  override name = 'BudgetExceededError'
  readonly reservation: Reservation
  /** Which of its limits. */
  readonly limit: 'usd' | 'images'

  constructor(reservation: Reservation, limit: 'usd' | 'images') {
    super('the budget is used up')
    this.reservation = reservation
    this.limit = limit
  }
}

export interface Spending extends Entry {
  readonly reservedMicros: number
  readonly reservedImages: number
}

export interface ReceiptSelection {
  /** Milliseconds since 1970; the first one included, the last one not. */
  readonly since: number
  readonly until: number
  readonly caller?: string | undefined
}

/**
 * The truth about money. A receipt is pending (it has `expires_at`), given up (neither `expires_at` nor `ended_at`), or ended.
 * Every method may throw `DatabaseUnavailableError`; each may be repeated, and takes effect once.
 */
export interface LedgerStore {
  /**
   * Reserves in all periods or in none.
   * @param expiresAt after which a call without an end is given up
   * @returns those whose limits only observe, and would not have allowed it
   * @throws BudgetExceededError
   */
  reserve(receipt: Receipt, reservations: readonly Reservation[], expiresAt: number): Promise<readonly Reservation[]>
  /** Replaces what was reserved by what was spent. */
  settle(receipt: Receipt, reserved: readonly Entry[], spent: readonly Entry[]): Promise<void>
  /** Nothing was spent: as if there had been no call. */
  release(id: string, reserved: readonly Entry[]): Promise<void>
  /** A receipt of a call that had reserved nothing. */
  add(receipt: Receipt, spent: readonly Entry[]): Promise<void>
  /** Counts as spent what calls without an end had reserved; some of them at a time. */
  giveUp(): Promise<readonly Receipt[]>
  spending(period: string): Promise<readonly Spending[]>
  /** The oldest first, in pages; bounded memory. */
  receipts(selection: ReceiptSelection): AsyncGenerator<readonly Receipt[]>
  /** Forgets receipts that are older, some of them at a time. @returns how many */
  forget(before: number): Promise<number>
}

const PAGE = 500
const BATCH = 100

export function createLedgerStore(database: StateDatabase, now: () => number = Date.now): LedgerStore {
  async function giveUpOne(run: Run, id: unknown, at: number): Promise<Receipt | undefined> {
    const [row] = await run(
      `UPDATE state.receipts SET outcome = 'unknown', expires_at = NULL
       WHERE id = $1 AND ended_at IS NULL AND expires_at < $2 RETURNING *`,
      [String(id), at],
    )
    if (row === undefined) return undefined
    const entries = parseEntries(row)
    await move(run, entries, entries)
    return toReceipt(row)
  }

  return {
    reserve: (receipt, reservations, expiresAt) =>
      database.transaction(async (run) => {
        // First, because it waits for no other call: the row of a budget is then locked for one statement.
        const inserted = insert(run, receipt, reservations, { expiresAt, endedAt: null })
        // Awaited below, in one round trip with the budgets; a failure of theirs comes first.
        inserted.catch(() => {})
        const exceeded: Reservation[] = []
        for (const each of reservations) if (!(await reserveOne(run, each))) exceeded.push(each)
        await inserted
        return exceeded
      }),
    settle: ({ id, outcome, micros, isPriced, facts }, reserved, spent) =>
      database.transaction(async (run) => {
        const [row] = await run(
          `UPDATE state.receipts SET outcome = $1, micros = $2, is_priced = $3, facts = $4, entries = $5, ended_at = $6
           WHERE id = $7 AND ended_at IS NULL RETURNING expires_at`,
          [outcome, micros ?? null, Number(isPriced), JSON.stringify(facts), toJson(spent), now(), id],
        )
        if (row !== undefined) await undo(run, row, reserved, spent)
      }),
    release: (id, reserved) =>
      database.transaction(async (run) => {
        const [row] = await run('DELETE FROM state.receipts WHERE id = $1 AND ended_at IS NULL RETURNING expires_at', [
          id,
        ])
        if (row !== undefined) await undo(run, row, reserved, reserved.map(free))
      }),
    async add(receipt, spent) {
      const end = { expiresAt: null, endedAt: now() }
      if (spent.length === 0) await insert(database.run, receipt, spent, end)
      else
        await database.transaction(async (run) => {
          if (await insert(run, receipt, spent, end)) for (const each of spent) await count(run, each)
        })
    },
    async giveUp() {
      const at = now()
      const rows = await database.run(
        `SELECT id FROM state.receipts WHERE ended_at IS NULL AND expires_at < $1 ORDER BY expires_at LIMIT ${BATCH}`,
        [at],
      )
      const receipts: Receipt[] = []
      for (const { id } of rows) {
        const receipt = await database.transaction((run) => giveUpOne(run, id, at))
        if (receipt !== undefined) receipts.push(receipt)
      }
      return receipts
    },
    async spending(period) {
      const rows = await database.run('SELECT * FROM state.spending WHERE period = $1', [period])
      return rows.map(toSpending)
    },
    async *receipts({ since, until, caller }) {
      let [at, id] = [since, '']
      const ofCaller = caller === undefined ? '' : 'AND caller = $4'
      while (true) {
        const rows = await database.run(
          `SELECT * FROM state.receipts WHERE (created_at, id) > ($1, $2) AND created_at < $3 ${ofCaller}
           ORDER BY created_at, id LIMIT ${PAGE}`,
          [at, id, until, ...(caller === undefined ? [] : [caller])],
        )
        const page = rows.map(toReceipt)
        const last = page.at(-1)
        if (last === undefined) return
        yield page
        at = last.createdAt
        id = last.id
      }
    },
    async forget(before) {
      const rows = await database.run(
        `DELETE FROM state.receipts WHERE id IN (
           SELECT id FROM state.receipts WHERE created_at < $1 AND (ended_at IS NOT NULL OR expires_at IS NULL)
           ORDER BY created_at LIMIT ${PAGE}
         ) RETURNING id`,
        [before],
      )
      await database.run('DELETE FROM state.spending WHERE period < $1 AND reserved = 0 AND images_reserved = 0', [
        new Date(before).toISOString().slice(0, 7),
      ])
      return rows.length
    },
  }
}

/** @returns whether it was not there before */
async function insert(
  run: Run,
  { id, createdAt, outcome, caller, micros, isPriced, facts }: Receipt,
  entries: readonly Entry[],
  { expiresAt, endedAt }: { expiresAt: number | null; endedAt: number | null },
): Promise<boolean> {
  return await hasChanged(
    run,
    `INSERT INTO state.receipts (id, created_at, ended_at, expires_at, outcome, caller, micros, is_priced, facts, entries)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING RETURNING id`,
    [
      ...[id, createdAt, endedAt, expiresAt, outcome, caller],
      ...[micros ?? null, Number(isPriced), JSON.stringify(facts), toJson(entries)],
    ],
  )
}

async function count(run: Run, { rule, period, micros, images }: Entry): Promise<void> {
  await run(
    `INSERT INTO state.spending (rule, period, spent, reserved, images_spent, images_reserved)
     VALUES ($1, $2, $3, 0, $4, 0)
     ON CONFLICT (rule, period) DO UPDATE SET
       spent = spending.spent + excluded.spent, images_spent = spending.images_spent + excluded.images_spent`,
    [rule, period, micros, images],
  )
}

/**
 * The condition holds when the row changes, whatever other calls do meanwhile.
 * @returns whether the limits allow it; false only if they observe
 * @throws BudgetExceededError
 */
async function reserveOne(run: Run, reservation: Reservation): Promise<boolean> {
  const { rule, period, micros, images, isEnforced, maxMicros, maxImages } = reservation
  const limits = isEnforced ? [maxMicros, maxImages] : [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
  // The row may not exist yet.
  if (isEnforced && micros > maxMicros) throw new BudgetExceededError(reservation, 'usd')
  if (isEnforced && images > maxImages) throw new BudgetExceededError(reservation, 'images')
  const [reserved] = await run(
    `INSERT INTO state.spending (rule, period, spent, reserved, images_spent, images_reserved)
     VALUES ($1, $2, 0, $3, 0, $4)
     ON CONFLICT (rule, period) DO UPDATE SET
       reserved = spending.reserved + excluded.reserved,
       images_reserved = spending.images_reserved + excluded.images_reserved
     WHERE spending.spent + spending.reserved + excluded.reserved <= $5
       AND spending.images_spent + spending.images_reserved + excluded.images_reserved <= $6
     RETURNING *`,
    [rule, period, micros, images, ...limits],
  )
  if (reserved !== undefined) {
    const { micros: spent, reservedMicros, images: counted, reservedImages } = toSpending(reserved)
    return spent + reservedMicros <= maxMicros && counted + reservedImages <= maxImages
  }
  const [row] = await run('SELECT * FROM state.spending WHERE rule = $1 AND period = $2', [rule, period])
  const used = row === undefined ? 0 : Number(row.images_spent) + Number(row.images_reserved)
  throw new BudgetExceededError(reservation, used + images > maxImages ? 'images' : 'usd')
}

/** Puts what was spent in place of what was reserved, or of what was counted as spent when the call was given up. */
async function undo(run: Run, row: Row, reserved: readonly Entry[], spent: readonly Entry[]): Promise<void> {
  const wasPending = row.expires_at !== null
  if (wasPending) await move(run, reserved, spent)
  else
    await move(
      run,
      reserved.map(free),
      spent.map((each, at) => difference(each, reserved[at])),
    )
}

const free = (entry: Entry): Entry => ({ ...entry, micros: 0, images: 0 })

function difference(spent: Entry, reserved: Entry | undefined): Entry {
  const { micros = 0, images = 0 } = reserved ?? {}
  return { ...spent, micros: spent.micros - micros, images: spent.images - images }
}

/** @param spent of the same periods, in the same order */
async function move(run: Run, reserved: readonly Entry[], spent: readonly Entry[]): Promise<void> {
  for (const [at, { rule, period, micros, images }] of reserved.entries()) {
    await run(
      `UPDATE state.spending SET reserved = reserved - $1, spent = spent + $2,
         images_reserved = images_reserved - $3, images_spent = images_spent + $4
       WHERE rule = $5 AND period = $6`,
      [micros, spent[at]?.micros ?? 0, images, spent[at]?.images ?? 0, rule, period],
    )
  }
}

const EntriesSchema = Type.Array(
  Type.Object({ rule: Type.String(), period: Type.String(), micros: Type.Integer(), images: Type.Integer() }),
)
const entriesOf = Compile(EntriesSchema)
const factsOf = Compile(ReceiptFactsSchema)

function toJson(entries: readonly Entry[]): string {
  const stored: Static<typeof EntriesSchema> = entries.map(({ rule, period, micros, images }) => {
    return { rule, period, micros, images }
  })
  return JSON.stringify(stored)
}

const parseEntries = (row: Row): readonly Entry[] => entriesOf.Parse(JSON.parse(String(row.entries)))

function toReceipt(row: Row): Receipt {
  const outcome = receiptOutcomes.find((each) => each === row.outcome)
  if (outcome === undefined) throw new Error('a receipt has an unknown outcome')
  return {
    id: String(row.id),
    createdAt: Number(row.created_at),
    outcome,
    caller: String(row.caller),
    micros: row.micros === null ? undefined : Number(row.micros),
    isPriced: Number(row.is_priced) === 1,
    facts: factsOf.Parse(JSON.parse(String(row.facts))),
  }
}

function toSpending(row: Row): Spending {
  return {
    rule: String(row.rule),
    period: String(row.period),
    micros: Number(row.spent),
    images: Number(row.images_spent),
    reservedMicros: Number(row.reserved),
    reservedImages: Number(row.images_reserved),
  }
}
