import { Compile } from 'typebox/compile'
import { AzureUsageSchema } from '../../schemas/azure.ts'
import type { Price } from '../../schemas/models.ts'
import type { Usage } from './images-client.ts'

const usageBody = Compile(AzureUsageSchema)

/** Reads what an answer says it used up, in any of the known spellings; nothing where it says nothing. */
export function readUsage(body: unknown): Usage {
  if (!usageBody.Check(body)) return {}
  const { usage, request_meta: meta } = body
  const details = usage?.input_tokens_details ?? usage?.prompt_tokens_details
  const imageTokensIn = details?.image_tokens ?? usage?.num_input_image_tokens
  const totalIn = usage?.input_tokens ?? usage?.prompt_tokens
  const textTokensIn =
    details?.text_tokens ??
    usage?.num_input_text_tokens ??
    (totalIn == null ? undefined : totalIn - (imageTokensIn ?? 0))
  return defined({
    textTokensIn,
    imageTokensIn,
    tokensOut: usage?.output_tokens ?? usage?.completion_tokens ?? usage?.num_output_tokens,
    megapixelsIn: meta?.input_mp,
    megapixelsOut: meta?.output_mp,
  })
}

function defined(fields: Record<keyof Usage, number | null | undefined>): Usage {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null))
}

/**
 * US dollars for a call, by what it used up or by its pictures; `undefined` where the price or the usage is not known.
 * Megapixels are billed whole, so they are rounded up.
 */
export function costOf(price: Price | undefined, usage: Usage, pictures: number): number | undefined {
  if (price === undefined) return undefined
  if (price.image !== undefined) return price.image * pictures
  if (price.megapixelOut !== undefined) {
    if (usage.megapixelsOut === undefined) return undefined
    return (
      Math.ceil(usage.megapixelsIn ?? 0) * (price.megapixelIn ?? 0) +
      Math.ceil(usage.megapixelsOut) * price.megapixelOut +
      (price.firstMegapixelOut ?? 0)
    )
  }
  if (price.imageOut === undefined || usage.tokensOut === undefined) return undefined
  const perMillion =
    (usage.textTokensIn ?? 0) * (price.textIn ?? 0) +
    (usage.imageTokensIn ?? 0) * (price.imageIn ?? 0) +
    usage.tokensOut * price.imageOut
  return perMillion / 1_000_000
}
