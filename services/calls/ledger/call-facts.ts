import { createHash } from 'node:crypto'
import { ServiceError } from '../../errors/errors.ts'
import type { Call, PaidFacts } from '../types.ts'
import { toUsd } from './money.ts'
import type { Receipt, ReceiptFacts, ReceiptOutcome } from './receipt.ts'

/** How a call ended, or that it has not. */
export interface End {
  outcome: ReceiptOutcome
  /** What the tool reports. */
  paid?: PaidFacts | undefined
  /** What it threw. */
  error?: unknown
}

export function factsOf(
  { context, tool, args, cost, rules, ...call }: Call,
  end: End,
  keepsPrompt: boolean,
): ReceiptFacts {
  const prompt = typeof args.prompt === 'string' ? args.prompt : undefined
  const { usage = {}, count = cost, images = [] } = end.paid ?? {}
  return {
    callId: context.id,
    door: context.door,
    tool: tool.tool.name,
    ...sourceOf(call.quote, end),
    attempts: context.attempts ?? 0,
    usage,
    count,
    images: [...images],
    ...(prompt === undefined ? {} : { promptSha256: createHash('sha256').update(prompt).digest('hex') }),
    ...(prompt === undefined || !keepsPrompt ? {} : { prompt }),
    rules: rules?.map(({ name }) => name) ?? [],
  }
}

type Source = Pick<ReceiptFacts, 'model' | 'deployment' | 'azureRequestId'>

/** What served the call; of one without a result what is known from its error, or was planned. */
function sourceOf(quote: Call['quote'], { paid, error }: End): Source {
  const detail = error instanceof ServiceError ? error.detail : undefined
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const deployment = paid?.deployment ?? text(detail?.deployment) ?? quote?.deployment
  const model = paid?.model ?? (deployment === quote?.deployment ? quote?.model : undefined)
  const azureRequestId = paid === undefined ? text(detail?.azureRequestId) : paid.azureRequestId
  return {
    ...(model === undefined ? {} : { model }),
    ...(deployment === undefined ? {} : { deployment }),
    ...(azureRequestId === undefined ? {} : { azureRequestId }),
  }
}

/** The fields of a receipt's line in the log, which has no prompts. */
export function logLine({ id, createdAt, outcome, caller, micros, isPriced, facts }: Receipt) {
  const { prompt: _, ...logged } = facts
  return {
    receipt: id,
    at: new Date(createdAt).toISOString(),
    outcome,
    caller,
    costUsd: micros === undefined ? undefined : toUsd(micros),
    isPriced,
    ...logged,
  }
}
