import type { MatchedRule } from '../types.ts'
import { hasBudget } from './budget.ts'
import type { LedgerStore, Spending } from './ledger-store.ts'
import { toUsd } from './money.ts'
import { type PeriodKind, periodKinds, periodOf } from './periods.ts'

/** A figure of a budget, for metrics. */
export interface BudgetFigure {
  readonly rule: string
  readonly period: PeriodKind
  readonly kind: 'spent' | 'reserved' | 'limit'
  readonly usd: number
}

/** The budgets of the current periods as they were when they were last read: a scrape does not ask the database. */
export interface BudgetWatch {
  /** @throws DatabaseUnavailableError */
  update(): Promise<void>
  figures(): readonly BudgetFigure[]
}

/** Of its limit, as in the alert ImageBudgetNearlyUsed. */
const NEARLY_USED = 0.9

/** The rules of budgets of which little is left. */
export function nearlyUsedRules(figures: readonly BudgetFigure[]): string[] {
  const limits = figures.filter(({ kind }) => kind === 'limit')
  const nearly = limits.filter(({ rule, period, usd: limit }) =>
    figures.some((each) => {
      const isOfIt = each.rule === rule && each.period === period && each.kind === 'spent'
      return isOfIt && each.usd > limit * NEARLY_USED
    }),
  )
  return [...new Set(nearly.map(({ rule }) => rule))]
}

export function createBudgetWatch(
  store: Pick<LedgerStore, 'spending'>,
  rules: () => readonly MatchedRule[],
  now: () => number,
): BudgetWatch {
  let known = new Map<string, Spending>()
  const keyOf = (rule: string, period: string) => `${period} ${rule}`

  function figuresOf(rule: MatchedRule, period: PeriodKind, at: number): BudgetFigure[] {
    const limit = period === 'day' ? rule.usdPerDay : rule.usdPerMonth
    if (limit === undefined) return []
    const { micros = 0, reservedMicros = 0 } = known.get(keyOf(rule.name, periodOf(period, at))) ?? {}
    const facts = { rule: rule.name, period }
    return [
      { ...facts, kind: 'spent', usd: toUsd(micros) },
      { ...facts, kind: 'reserved', usd: toUsd(reservedMicros) },
      { ...facts, kind: 'limit', usd: limit },
    ]
  }

  return {
    async update() {
      if (!rules().some(hasBudget)) return
      const read = new Map<string, Spending>()
      for (const kind of periodKinds) {
        for (const each of await store.spending(periodOf(kind, now()))) read.set(keyOf(each.rule, each.period), each)
      }
      known = read
    },
    figures: () => rules().flatMap((rule) => periodKinds.flatMap((period) => figuresOf(rule, period, now()))),
  }
}
