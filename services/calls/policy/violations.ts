import type { Quote } from '../../azure/types.ts'
import { formatSize } from '../../imaging/size.ts'
import type { Call } from '../types.ts'
import { hasMoney, type NamedRule } from './policy.ts'

/** Why a rule does not allow a call. */
export interface Violation {
  rule: string
  /** Continues "does not allow this call: ". */
  problem: string
}

/** Counts and logs a call that a rule does not allow, or, where rules are only observed, would not have allowed. */
export function reportViolation(
  { context, tool }: Call,
  { rule, problem }: Violation,
  isEnforced: boolean,
  onRejected: (rule: string) => void,
): void {
  onRejected(rule)
  const facts = { tool: tool.tool.name, caller: context.caller.id, rule, problem }
  context.log.info(facts, isEnforced ? 'policy rejected a call' : 'policy would have rejected a call')
}

/** The first of the rules that does not allow what a call requests. Budgets and confirmations are not judged here. */
export function violationOf(rules: readonly NamedRule[], quote: Quote): Violation | undefined {
  for (const rule of rules) {
    const problem = problemOf(rule, quote)
    if (problem !== undefined) return { rule: rule.name, problem }
  }
  return undefined
}

/** Whether a rule lets its callers use a deployment at all. */
export function allowsModel(
  { models }: NamedRule,
  { model, deployment }: Pick<Quote, 'model' | 'deployment'>,
): boolean {
  return models === undefined || hasName(models, model) || hasName(models, deployment)
}

function problemOf(rule: NamedRule, quote: Quote): string | undefined {
  const { models, qualities, max_pixels: maxPixels, max_n: maxCount, price_unknown_usd: unknownUsd } = rule
  const { quality, count } = quote
  if (models !== undefined && !allowsModel(rule, quote)) return `it allows only ${models.join(', ')}`
  if (qualities !== undefined && quality !== undefined && !hasName(qualities, quality)) {
    return quality === 'auto'
      ? `request the quality ${qualities.join(' or ')}, since the model would choose it`
      : `it allows only the quality ${qualities.join(' or ')}`
  }
  if (maxPixels !== undefined) {
    const problem = sizeProblem(quote, maxPixels)
    if (problem !== undefined) return problem
  }
  if (maxCount !== undefined && count > maxCount) return `n may be at most ${maxCount}`
  if (hasMoney(rule) && quote.maxUsd === undefined && unknownUsd === undefined) {
    return 'it has a budget, and the price of this call is unknown'
  }
  return undefined
}

function sizeProblem({ size, maxPixels }: Quote, most: number): string | undefined {
  if (maxPixels !== undefined && maxPixels <= most) return undefined
  const square = Math.floor(Math.sqrt(most))
  const smaller = `request at most ${most} pixels, such as ${formatSize({ width: square, height: square })}`
  return size === undefined
    ? `${smaller}, since the model would choose the size`
    : `${smaller}, not ${formatSize(size)}`
}

const hasName = (names: readonly string[], name: string) =>
  names.some((each) => each.toLowerCase() === name.toLowerCase())
