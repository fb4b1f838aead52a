import type { StudioQuote } from '../../schemas/studio.ts'
import type { Quote } from '../azure/types.ts'
import { formatSize } from '../imaging/size.ts'
import { describePrice, type Judgement, type PolicySteps } from './policy/policy-steps.ts'
import { quoteCall } from './quote-call.ts'
import type { Around, Call } from './types.ts'

export interface DryRunOptions {
  /** Undefined: there are no rules. */
  policy: Pick<PolicySteps, 'judge'> | undefined
  limits: readonly LimitCheck[]
}

/** What a limit would say to a call that the rules allow; undefined: it may be made. Counts nothing. */
export type LimitCheck = (call: Call) => Promise<string | undefined>

/** Tells what a call would do, cost and wait for, in place of making it. Nothing is sent, counted or stored. */
export function dryRun({ policy, limits }: DryRunOptions): Around {
  return async (call, next) => {
    if (call.args.dry_run !== true) return await next()
    const quote = await quoteCall(call)
    if (quote === undefined) return await next()
    const violation = policy?.judge(call, quote)
    const reached = isRejected(violation) ? undefined : await firstReached(limits, call)
    const lines = [
      'Dry run: nothing was sent, and nothing is billed.',
      describeImages(quote),
      describeCost(quote),
      quote.waitMs < 1000 ? 'It would start at once.' : `It would start in about ${Math.ceil(quote.waitMs / 1000)} s.`,
      ...describeRules(violation, reached),
    ]
    return {
      content: [{ type: 'text', text: lines.join('\n') }],
      studio: { quote: factsOf(quote, problemOf(violation, reached)) },
    }
  }
}

async function firstReached(limits: readonly LimitCheck[], call: Call): Promise<string | undefined> {
  for (const check of limits) {
    const reached = await check(call)
    if (reached !== undefined) return reached
  }
  return undefined
}

/** Why the call would be rejected, whatever its client confirms. */
function problemOf(violation: Judgement | undefined, reached: string | undefined): string | undefined {
  return isRejected(violation) ? rejectionBy(violation) : reached
}

/** A price that has to be confirmed first is no rejection. */
function isRejected(violation: Judgement | undefined): violation is Judgement {
  return violation?.isEnforced === true && !violation.canBeConfirmed
}

const rejectionBy = ({ rule, problem }: Judgement) => `Rule ${rule} would reject it: ${problem}.`

function factsOf(quote: Quote, problem: string | undefined): StudioQuote {
  const { model, size, quality, count, listUsd, waitMs } = quote
  return {
    model,
    ...size,
    ...(quality === undefined ? {} : { quality }),
    count,
    ...(listUsd === undefined ? {} : { usd: listUsd }),
    waitMs,
    ...(problem === undefined ? {} : { problem }),
  }
}

function describeImages({ deployment, model, size, quality, count }: Quote): string {
  const facts = [
    `Model: ${model}${deployment === model ? '' : ` (${deployment})`}`,
    `size: ${size === undefined ? 'chosen by the model' : formatSize(size)}`,
    ...(quality === undefined ? [] : [`quality: ${quality}`]),
    `images: ${count}`,
  ]
  return `${facts.join(', ')}.`
}

function describeCost(quote: Quote): string {
  return quote.listUsd === undefined ? 'Cost: unknown.' : `Cost: ${describePrice(quote)}.`
}

/** @param reached the sentence of a limit, which holds also where rules are only observed */
function describeRules(violation: Judgement | undefined, reached: string | undefined): string[] {
  const decision = reached ?? 'Rules: the call is allowed.'
  if (violation === undefined) return [decision]
  const { rule, problem, isEnforced } = violation
  if (isEnforced) return reached === undefined ? [rejectionBy(violation)] : [reached, rejectionBy(violation)]
  return [`${decision} Rule ${rule} is only observed; it would reject it: ${problem}.`]
}
