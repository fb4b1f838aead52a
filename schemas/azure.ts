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
  /** A string of JSON; by the time this schema is asked, the answer reader has taken it out. */
  b64_json: Type.Optional(Type.Unknown()),
  url: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  content_filter_results: Type.Optional(FilterResultsSchema),
  finish_reason: Type.Optional(Loose),
})

/** A 200 from any dialect, not streamed. */
export const AzureAnswerSchema = Type.Object({ data: Type.Array(AzureImageSchema) })
export type AzureAnswer = Static<typeof AzureAnswerSchema>

const count = Type.Optional(Type.Union([Type.Number({ minimum: 0 }), Type.Null()]))

/**
 * What a call used up. gpt-image counts tokens under OpenAI's names, some gateways under the names of chat completions,
 * MAI under its own; FLUX on the provider route gives megapixels.
 */
export const AzureUsageSchema = Type.Object({
  usage: Type.Optional(
    Type.Object({
      input_tokens: count,
      input_tokens_details: Type.Optional(Type.Object({ text_tokens: count, image_tokens: count })),
      output_tokens: count,
      prompt_tokens: count,
      prompt_tokens_details: Type.Optional(Type.Object({ text_tokens: count, image_tokens: count })),
      completion_tokens: count,
      num_input_text_tokens: count,
      num_input_image_tokens: count,
      num_output_tokens: count,
    }),
  ),
  request_meta: Type.Optional(Type.Object({ input_mp: count, output_mp: count })),
})

/** One event of a stream: `image_generation.partial_image`, `image_edit.completed`, … */
export const AzureStreamEventSchema = Type.Object({ type: Type.String(), b64_json: Type.Optional(Type.Unknown()) })
