import type { PolicyRule } from '../../../schemas/policy.ts'
import type { Caller } from '../../auth/authenticator.ts'
import type { MatchedRule } from '../types.ts'
import { matchesGlob } from './glob.ts'

/** A rule with its name. */
export type NamedRule = PolicyRule & { readonly name: string }

/** The rules of the operator. All that match a caller hold together. */
export interface Policy {
  /** Whether calls are rejected, or only counted as if they were. */
  readonly isEnforced: boolean
  readonly rules: readonly NamedRule[]
  /** Those that count and have no name of their own: what they have counted follows their position in the file. */
  readonly unnamed: readonly string[]
}

/** The rule that `IMAGES_PER_DAY` is, for each caller by itself. */
export const DEFAULT_RULE = 'default'

const ANONYMOUS = 'anonymous'
const KEY = 'key:'
const SUBJECT = 'subject:'

/** The name of a caller in rules: that of its key, the subject of its token, or `anonymous`, also over stdio. */
export function callerName({ id, isAnonymous }: Pick<Caller, 'id' | 'isAnonymous'>): string {
  if (isAnonymous) return ANONYMOUS
  if (id.startsWith(KEY)) return id.slice(KEY.length)
  // The address of an issuer has no fragment. https://openid.net/specs/openid-connect-core-1_0.html#Terminology
  return id.startsWith(SUBJECT) ? id.slice(id.indexOf('#') + 1) : ANONYMOUS
}

/** The rules of a caller. */
export function rulesFor({ rules }: Policy, caller: Pick<Caller, 'id' | 'isAnonymous'>): readonly NamedRule[] {
  const name = callerName(caller)
  return rules.filter(({ callers }) => callers === undefined || callers.some((glob) => matchesGlob(glob, name)))
}

/** Members for which all replicas need one database. */
const counting = ['images_per_day', 'usd_per_day', 'usd_per_month', 'confirm_above_usd'] as const

/** Whether a rule counts money or images. */
export function isCounting(rule: Readonly<Record<string, unknown>>): boolean {
  return counting.some((member) => rule[member] !== undefined)
}

/** Whether a rule has a total that goes on between calls. */
export function hasBudget({ images_per_day: images, usd_per_day: day, usd_per_month: month }: PolicyRule): boolean {
  return (images ?? day ?? month) !== undefined
}

/** Whether a rule bounds what is spent, so that no call may have an unknown price. */
export function hasMoney({ usd_per_day: day, usd_per_month: month }: PolicyRule): boolean {
  return (day ?? month) !== undefined
}

/** A rule as the ledger needs it. */
export function toMatchedRule(rule: NamedRule, isEnforced: boolean): MatchedRule {
  return {
    name: rule.name,
    isEnforced,
    imagesPerDay: rule.images_per_day,
    usdPerDay: rule.usd_per_day,
    usdPerMonth: rule.usd_per_month,
    priceUnknownUsd: rule.price_unknown_usd,
  }
}

/** What an operator reads of rules that lose what they have counted when the file is reordered. */
export function describeUnnamed({ unnamed }: Pick<Policy, 'unnamed'>): string | undefined {
  const [first, ...others] = unnamed
  if (first === undefined) return undefined
  const count = others.length === 0 ? 'has' : 'have'
  return `${unnamed.join(', ')} ${count} a budget and no name; what a rule has spent follows its name, so another order of the rules would mix it up: give it a name`
}

/** A line for each rule, for `--check` and the log. */
export function describePolicy({ isEnforced, rules }: Policy): string[] {
  const mode = isEnforced ? 'enforced' : 'observed only'
  return rules.map(({ name, ...members }) => {
    const facts = Object.entries(members).map(
      ([member, value]) => `${member} ${Array.isArray(value) ? value.join(', ') : value}`,
    )
    return `rule ${name} (${mode}): ${facts.join('; ') || 'no limits'}`
  })
}
