import Type, { type Static } from 'typebox'

/**
 * The part of Azure's answers that the client relies on. Everything is optional and more may come at any time:
 * "New API response objects might be added at any time; parse only what you need"
 * (https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle).
 */

const Loose = Type.Union([Type.String(), Type.Number(), Type.Null()])

/** Category name to its verdict; https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter */
export const FilterResultsSchema = Type.Record(
  Type.String(),
  Type.Union([
    Type.Object({ filtered: Type.Optional(Type.Boolean()), detected: Type.Optional(Type.Boolean()) }),
    Type.Unknown(),
  ]),
)

const InnerErrorSchema = Type.Object({
  code: Type.Optional(Loose),
  content_filter_results: Type.Optional(FilterResultsSchema),
  content_filter_result: Type.Optional(FilterResultsSchema),
})

/** The inner object of an error answer. The inner error is spelled in three ways. */
export const AzureErrorSchema = Type.Object({
  code: Type.Optional(Loose),
  type: Type.Optional(Loose),
  param: Type.Optional(Loose),
  message: Type.Optional(Loose),
  inner_error: Type.Optional(InnerErrorSchema),
  innererror: Type.Optional(InnerErrorSchema),
  innerError: Type.Optional(InnerErrorSchema),
  content_filter_results: Type.Optional(FilterResultsSchema),
  content_filter_result: Type.Optional(FilterResultsSchema),
})
export type AzureError = Static<typeof AzureErrorSchema>

/** An error answer, with its usual wrapper. */
export const AzureErrorBodySchema = Type.Object({ error: AzureErrorSchema })

/** The 401 of the gateway has no wrapper. */
export const AzureBareErrorSchema = Type.Object({
  statusCode: Type.Number(),
  message: Type.Optional(Loose),
})

/** One entry of `data`, without the picture itself. */
export const AzureImageSchema = Type.Object({
  b64_json: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  url: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  content_filter_results: Type.Optional(FilterResultsSchema),
  finish_reason: Type.Optional(Loose),
})

/** A 200 from any dialect, not streamed. */
export const AzureAnswerSchema = Type.Object({ data: Type.Array(AzureImageSchema) })
export type AzureAnswer = Static<typeof AzureAnswerSchema>
