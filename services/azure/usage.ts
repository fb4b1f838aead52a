import type { Price } from '../../schemas/models.ts'
import { firstAmount, member } from './fields.ts'
import type { Usage } from './types.ts'

/**
 * Reads the usage of a response; unreadable amounts are skipped. gpt-image reports tokens under OpenAI's names, some
 * gateways under the names of chat completions, MAI under its own; FLUX on the provider route reports megapixels.
 */
export function readUsage(body: unknown): Usage {
  const usage = member(body, 'usage')
  const meta = member(body, 'request_meta')
  const details = ['input_tokens_details', 'prompt_tokens_details'].map((name) => member(usage, name))
  const amount = (...names: readonly string[]) => firstAmount(...names.map((name) => member(usage, name)))
  const detail = (name: string) => firstAmount(...details.map((each) => member(each, name)))

  const totalIn = amount('input_tokens', 'prompt_tokens')
  const text = detail('text_tokens') ?? amount('num_input_text_tokens')
  const image = detail('image_tokens') ?? amount('num_input_image_tokens')
  return defined({
    textTokensIn: text ?? difference(totalIn, image ?? 0),
    imageTokensIn: image ?? (text === undefined ? undefined : difference(totalIn, text)),
    tokensOut:
      amount('output_tokens', 'completion_tokens', 'num_output_tokens') ?? difference(amount('total_tokens'), totalIn),
    megapixelsIn: firstAmount(member(meta, 'input_mp')),
    megapixelsOut: firstAmount(member(meta, 'output_mp')),
  })
}

function difference(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined || part === undefined ? undefined : Math.max(0, whole - part)
}

function defined(fields: Record<keyof Usage, number | undefined>): Usage {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/**
 * The cost of a call in US dollars, by usage or per image; `undefined` if price or usage are unknown. Megapixels are rounded
 * up, as they are billed.
 */
export function costOf(price: Price | undefined, usage: Usage, images: number): number | undefined {
  if (price === undefined) return undefined
  if (price.image !== undefined) return price.image * images
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
