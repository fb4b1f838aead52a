import { randomUUID } from 'node:crypto'
import { DatabaseUnavailableError } from '../../databases/unavailable.ts'
import type { Rejection } from '../../errors/rejection.ts'
import type { Logger } from '../../logging/logger.ts'
import { isFree } from '../admission-control.ts'
import { reportViolation } from '../policy/violations.ts'
import type { Around, Call, MatchedRule, ToolResult } from '../types.ts'
import { hasBudget, type Reservation, reservationsOf, settled } from './budget.ts'
import { checkBudgets } from './budget-check.ts'
import { budgetRejection, ledgerUnavailable } from './budget-rejection.ts'
import { type BudgetFigure, createBudgetWatch } from './budget-watch.ts'
import { type End, factsOf, logLine } from './call-facts.ts'
import { createLateWrites } from './late-writes.ts'
import { BudgetExceededError, type LedgerStore } from './ledger-store.ts'
import { toMicros } from './money.ts'
import type { Receipt } from './receipt.ts'

export interface LedgerTiming {
  /** Milliseconds that a call may take after its deadline to store its images, before it is given up. */
  slackMs: number
  /** Milliseconds between two looks at what calls without an end have left. */
  everyMs: number
}

export interface LedgerOptions {
  /** Undefined: there is no state database, and receipts are in the log only. */
  store: LedgerStore | undefined
  /** All rules of the policy, for metrics. */
  rules(): readonly MatchedRule[]
  /** Whether receipts in the database contain the prompt. */
  keepsPrompts: boolean
  /** Milliseconds that receipts are stored; 0: for ever. */
  ttlMs: number
  log: Logger
  onRejected(rule: string): void
  timing?: Partial<LedgerTiming> | undefined
  /** The wall clock, which all processes share. */
  now?: () => number
}

/** Money is exact: what a call may cost is reserved before it is sent, and what it did cost is counted once. */
export interface Ledger extends AsyncDisposable {
  /** The step around every paid call. @throws Rejection 429 if a budget does not allow it, 503 if that cannot be known */
  around: Around
  /** What a budget would say to this call; undefined: it may be made. Reserves nothing. */
  check(call: Call): Promise<Rejection | undefined>
  /** As they were some seconds ago. */
  budgets(): readonly BudgetFigure[]
  /** Begins to count as spent what killed processes have left. */
  start(): void
}

const defaults: LedgerTiming = { slackMs: 60_000, everyMs: 15_000 }

/** A paid call on its way. */
interface Draft {
  call: Call
  /** Of its receipt. */
  id: string
  createdAt: number
  reservations: readonly Reservation[]
  isReserved: boolean
}

export function createLedger(options: LedgerOptions): Ledger {
  const { store, rules, keepsPrompts, ttlMs, log, onRejected, now = Date.now } = options
  const { slackMs, everyMs } = { ...defaults, ...options.timing }
  const lateWrites = createLateWrites(log)
  const watch = store && createBudgetWatch(store, rules, now)
  let timer: NodeJS.Timeout | undefined
  let look: Promise<void> = Promise.resolve()

  function receiptOf({ call, id, createdAt, reservations }: Draft, end: End): Receipt {
    const { outcome, paid } = end
    const facts = factsOf(call, end, keepsPrompts)
    const receipt = { id, createdAt, outcome, caller: call.context.caller.id, facts }
    if (paid?.costUsd !== undefined) return { ...receipt, micros: toMicros(paid.costUsd), isPriced: true }
    const counted = reservations.map((each) => settled(each, undefined, facts.count).micros)
    return { ...receipt, micros: Math.max(0, ...counted) || undefined, isPriced: false }
  }

  const report = (call: Call, rule: string, isEnforced: boolean) =>
    reportViolation(call, { rule, problem: 'its budget is used up' }, isEnforced, onRejected)

  /** @returns the draft as it goes on @throws Rejection */
  async function reserve(draft: Draft): Promise<Draft> {
    const { call, id, createdAt, reservations } = draft
    const expiresAt = createdAt + Math.max(0, call.context.deadlineAt - performance.now()) + slackMs
    try {
      if (store === undefined) throw new DatabaseUnavailableError('there is no state database')
      const pending = receiptOf(draft, { outcome: 'pending' })
      const exceeded = await store.reserve(pending, reservations, Math.ceil(expiresAt))
      for (const rule of new Set(exceeded.map((each) => each.rule))) report(call, rule, false)
      return { ...draft, isReserved: true }
    } catch (error) {
      if (error instanceof BudgetExceededError) {
        report(call, error.reservation.rule, true)
        throw budgetRejection(error, createdAt)
      }
      if (!(error instanceof DatabaseUnavailableError)) throw error
      // It may have been stored although the response was lost.
      if (store !== undefined) void lateWrites.write({ receipt: id, write: () => store.release(id, reservations) })
      // What is only observed is counted when the database is back, under an id that was never stored.
      if (call.rules?.every(({ isEnforced }) => !isEnforced) === true) return { ...draft, id: randomUUID() }
      throw ledgerUnavailable(error)
    }
  }

  /** Never rejects: an image that is paid for is returned. */
  async function settle(draft: Draft, end: End): Promise<void> {
    const receipt = receiptOf(draft, end)
    const { id, reservations, isReserved } = draft
    draft.call.context.log.info(logLine(receipt), 'receipt')
    if (store === undefined) return
    const spent = reservations.map((each) => settled(each, end.paid?.costUsd, receipt.facts.count))
    if (!isReserved) {
      void lateWrites.write({ receipt: id, write: () => store.add(receipt, spent) })
      return
    }
    // The client's next call finds the budget without this reservation.
    await lateWrites.write({ receipt: id, write: () => store.settle(receipt, reservations, spent) })
  }

  async function release({ id, reservations, isReserved }: Draft): Promise<void> {
    if (store === undefined || !isReserved) return
    await lateWrites.write({ receipt: id, write: () => store.release(id, reservations) })
  }

  async function lookAfter(): Promise<void> {
    try {
      for (const receipt of (await store?.giveUp()) ?? []) log.warn(logLine(receipt), 'receipt')
      await watch?.update()
      if (ttlMs > 0) await store?.forget(now() - ttlMs)
    } catch (err) {
      log.warn({ err }, 'the ledger cannot be looked after, because its database does not respond')
    }
  }

  return {
    async around(call, next) {
      if (call.cost === 0) return await next()
      const createdAt = now()
      const reservations = reservationsFor(call, createdAt)
      const planned = { call, id: randomUUID(), createdAt, reservations, isReserved: false }
      const draft = reservations.length > 0 ? await reserve(planned) : planned
      let result: ToolResult
      try {
        result = await next()
      } catch (error) {
        if (isFree(error, call.context)) await release(draft)
        else await settle(draft, { outcome: 'unknown', error })
        throw error
      }
      await settle(draft, { outcome: 'ok', paid: result.paid })
      return result
    },
    async check(call) {
      const at = now()
      return store === undefined ? undefined : await checkBudgets(store, enforced(call, at), at)
    },
    budgets: () => watch?.figures() ?? [],
    start() {
      look = lookAfter()
      timer ??= setInterval(() => {
        look = look.then(lookAfter)
      }, everyMs).unref()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await look
      await lateWrites.close()
    },
  }
}

function reservationsFor({ rules, quote, cost }: Call, at: number): readonly Reservation[] {
  const budgets = rules?.filter(hasBudget) ?? []
  return budgets.length === 0 ? [] : reservationsOf(budgets, { maxUsd: quote?.maxUsd, count: cost }, at)
}

const enforced = (call: Call, at: number) => reservationsFor(call, at).filter(({ isEnforced }) => isEnforced)
