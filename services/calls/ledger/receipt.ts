import Type, { type Static } from 'typebox'

/** `unknown`: an image may have been generated and billed. `pending`: the call has not ended. */
export const receiptOutcomes = ['pending', 'ok', 'unknown'] as const
export type ReceiptOutcome = (typeof receiptOutcomes)[number]

const amount = Type.Optional(Type.Number())

/** The facts of a receipt that no statement selects by. */
export const ReceiptFactsSchema = Type.Object({
  /** Of the call, as in the log. */
  callId: Type.String(),
  door: Type.String(),
  tool: Type.String(),
  model: Type.Optional(Type.String()),
  deployment: Type.Optional(Type.String()),
  azureRequestId: Type.Optional(Type.String()),
  /** Requests that were sent to Azure, rejected ones included. */
  attempts: Type.Integer(),
  usage: Type.Object({
    textTokensIn: amount,
    imageTokensIn: amount,
    cachedTextTokensIn: amount,
    cachedImageTokensIn: amount,
    tokensOut: amount,
    megapixelsIn: amount,
    megapixelsOut: amount,
  }),
  /** Images that were generated; of a pending or unknown call those that it requested. */
  count: Type.Integer(),
  /** Those of them that are in the library. */
  images: Type.Array(Type.Object({ id: Type.String(), sha256: Type.String() })),
  promptSha256: Type.Optional(Type.String()),
  /** Only with `RECEIPT_PROMPTS`. */
  prompt: Type.Optional(Type.String()),
  /** Names of the rules that applied. */
  rules: Type.Array(Type.String()),
})
export type ReceiptFacts = Static<typeof ReceiptFactsSchema>

/** What one paid call cost. Times are milliseconds since 1970. */
export interface Receipt {
  readonly id: string
  /** When it was reserved; its period is that of this moment. */
  readonly createdAt: number
  readonly outcome: ReceiptOutcome
  /** Id of the caller. */
  readonly caller: string
  /** Millionths of a US dollar: the list price, or what was reserved; undefined: unknown. */
  readonly micros: number | undefined
  /** Whether `micros` is the list price of what Azure reported. */
  readonly isPriced: boolean
  readonly facts: ReceiptFacts
}
