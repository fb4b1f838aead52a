import Type from 'typebox'
import type { Quote } from '../../azure/types.ts'
import { isRecord } from '../../bytes/json/is-record.ts'
import { DatabaseUnavailableError } from '../../databases/unavailable.ts'
import { serviceError } from '../../errors/errors.ts'
import { Rejection } from '../../errors/rejection.ts'
import { confirmedDigestOf } from '../call-digest.ts'
import { askForm, formResponse, InputRequired } from '../input.ts'
import { quoteCall } from '../quote-call.ts'
import type { Around, Call } from '../types.ts'
import { CONFIRMATION_MINUTES, type Confirmations, type ConfirmedCall } from './confirmations.ts'
import type { NamedRule } from './policy.ts'
import type { CallerRules, PolicySource } from './policy-source.ts'
import { reportViolation, type Violation, violationOf } from './violations.ts'

export interface PolicyStepsOptions {
  source: PolicySource
  /** Undefined: no rule asks for any. */
  confirmations: Confirmations | undefined
  /** A rule rejected a call, or would have. */
  onRejected(rule: string): void
}

export interface PolicySteps {
  /** Rejects what the rules do not allow, and asks for confirmation. @throws ServiceError, Rejection, InputRequired */
  around: Around
  /** Of the turn of a job, which was judged when it was submitted: budgets hold from then on. */
  aroundTurn: Around
  /** What would reject the call; nothing is counted. Sets the rules of the call. */
  judge(call: Call, quote: Quote): Judgement | undefined
}

export interface Judgement extends Violation {
  isEnforced: boolean
  /** Whether the call is allowed once it is confirmed. */
  canBeConfirmed: boolean
}

export function createPolicySteps({ source, confirmations, onRejected }: PolicyStepsOptions): PolicySteps {
  /** Sets the rules of a call, and its price for them. Undefined: none apply. */
  async function prepare(call: Call): Promise<{ own: CallerRules; quote: Quote } | undefined> {
    if (call.cost === 0) return undefined
    const own = source.of(call.context.caller)
    if (own.rules.length === 0) return undefined
    const quote = await quoteCall(call)
    if (quote === undefined) return undefined
    call.rules = own.matched
    return { own, quote }
  }

  const report = (call: Call, violation: Violation, isEnforced: boolean) =>
    reportViolation(call, violation, isEnforced, onRejected)

  /** @returns the code that now counts as used; undefined: none is needed */
  async function confirm(call: Call, own: CallerRules, quote: Quote): Promise<string | undefined> {
    const rule = confirmingRule(own.rules, quote)
    if (rule === undefined || confirmations === undefined) return undefined
    if (!own.isEnforced) {
      report(call, { rule: rule.name, problem: 'it asks for confirmation' }, false)
      return undefined
    }
    const confirmed = confirmedCallOf(call, quote)
    const code = givenCode(call)
    if (code !== undefined && confirmations.check(code, confirmed) && (await use(confirmations, code))) return code
    report(call, { rule: rule.name, problem: 'it asks for confirmation' }, true)
    throw questionFor(call, quote, rule, confirmations.issue(confirmed))
  }

  return {
    judge(call, quote) {
      const { rules, matched, isEnforced } = source.of(call.context.caller)
      call.rules = matched
      const violation = violationOf(rules, quote)
      if (violation !== undefined) return { ...violation, isEnforced, canBeConfirmed: false }
      const rule = confirmingRule(rules, quote)
      if (rule === undefined) return undefined
      const problem = `it asks for confirmation above US$${rule.confirm_above_usd}`
      return { rule: rule.name, problem, isEnforced, canBeConfirmed: true }
    },

    async around(call, next) {
      const prepared = await prepare(call)
      if (prepared === undefined) return await next()
      const { own, quote } = prepared
      const violation = violationOf(own.rules, quote)
      if (violation !== undefined) {
        report(call, violation, own.isEnforced)
        if (own.isEnforced) throw serviceError('IMG_ERR_POLICY', [violation.rule, violation.problem])
      }
      const code = await confirm(call, own, quote)
      try {
        return await next()
      } catch (error) {
        // What was confirmed has not happened.
        if (code !== undefined && call.context.sentRequests === 0) await confirmations?.release(code).catch(() => {})
        throw error
      }
    },

    async aroundTurn(call, next) {
      await prepare(call)
      return await next()
    },
  }
}

/** The rule that asks for a confirmation at this price, with the lowest limit. */
function confirmingRule(rules: readonly NamedRule[], { listUsd, count }: Quote): NamedRule | undefined {
  let first: NamedRule | undefined
  for (const rule of rules) {
    const { confirm_above_usd: limit, price_unknown_usd: unknownUsd } = rule
    if (limit === undefined) continue
    const usd = listUsd ?? (unknownUsd === undefined ? Number.POSITIVE_INFINITY : unknownUsd * count)
    if (usd > limit && limit < (first?.confirm_above_usd ?? Number.POSITIVE_INFINITY)) first = rule
  }
  return first
}

function confirmedCallOf(call: Call, { deployment, listUsd: usd }: Quote): ConfirmedCall {
  const { caller } = call.context
  return { caller: caller.id, tool: call.tool.tool.name, digest: confirmedDigestOf(call.args), deployment, usd }
}

async function use(confirmations: Confirmations, code: string): Promise<boolean> {
  try {
    return await confirmations.use(code)
  } catch (cause) {
    if (!(cause instanceof DatabaseUnavailableError)) throw cause
    const sentence = `Confirmations cannot be checked at the moment; retry in ${RETRY_MS / 1000} s. Nothing was billed.`
    throw new Rejection(503, sentence, { retryAfterMs: RETRY_MS, cause })
  }
}

const RETRY_MS = 10_000
const QUESTION = 'confirm'
const FormSchema = Type.Object(
  { confirm: Type.Boolean({ title: 'Generate at this price', default: false }) },
  { additionalProperties: false },
)
const isState = (state: unknown): state is { code: string } => isRecord(state) && typeof state.code === 'string'

/** Models change the case of codes and add spaces. */
const plainCode = (code: string) => code.trim().toLowerCase()

/**
 * The code of a question to which the client has responded, else that of the argument: its user was asked because that
 * one was not valid.
 * @throws ServiceError `IMG_ERR_NOT_CONFIRMED`
 */
function givenCode({ args, context: { input } }: Call): string | undefined {
  const response = input && formResponse(input, QUESTION, FormSchema)
  const state = input?.state
  if (response === undefined || !isState(state)) {
    return typeof args.confirm_cost === 'string' ? plainCode(args.confirm_cost) : undefined
  }
  if (response.content?.confirm !== true) throw serviceError('IMG_ERR_NOT_CONFIRMED', [])
  return state.code
}

/** Asks the client's user, or tells how to confirm. */
function questionFor({ context: { input } }: Call, quote: Quote, rule: NamedRule, code: string): Error {
  const price = describePrice(quote)
  const limit = `US$${rule.confirm_above_usd}`
  if (input?.canAsk('form') !== true) {
    const { listUsd: usd } = quote
    const studio = { confirmation: { code, ...(usd === undefined ? {} : { usd }) } }
    return serviceError('IMG_ERR_CONFIRM_COST', [price, rule.name, limit, code, CONFIRMATION_MINUTES], { studio })
  }
  const images = quote.count === 1 ? 'an image' : `${quote.count} images`
  const message = `Generate ${images} with ${quote.model}? It costs ${price}; rule ${rule.name} asks above ${limit}.`
  return new InputRequired({ [QUESTION]: askForm(message, FormSchema) }, { code })
}

/** The list price in words, as results report it, and the highest that it may become. */
export function describePrice({ listUsd, maxUsd }: Quote): string {
  if (listUsd === undefined) return 'an unknown amount'
  const [list, most] = [listUsd.toFixed(4), maxUsd?.toFixed(4) ?? '']
  return `about US$${list} at list price${most === '' || most === list ? '' : ` (at most US$${most})`}`
}
