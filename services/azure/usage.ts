import type { Operation, Price } from '../../schemas/models.ts'
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
  const split = [
    detail('text_tokens') ?? amount('num_input_text_tokens'),
    detail('image_tokens') ?? amount('num_input_image_tokens'),
  ]
  // Gateways fill in zeros for what they do not know.
  const isFilledIn = (totalIn ?? 0) > 0 && split.every((part) => part === 0)
  const [text, image] = isFilledIn ? [] : split
  const textTokensIn = text ?? difference(totalIn, image ?? 0)
  const imageTokensIn = image ?? (text === undefined ? undefined : difference(totalIn, text))
  return defined({
    textTokensIn,
    imageTokensIn,
    ...cachedTokens(details, textTokensIn ?? 0, imageTokensIn ?? 0),
    tokensOut:
      amount('output_tokens', 'completion_tokens', 'num_output_tokens') ?? difference(amount('total_tokens'), totalIn),
    megapixelsIn: firstAmount(member(meta, 'input_mp')),
    megapixelsOut: firstAmount(member(meta, 'output_mp')),
  })
}

/**
 * Input tokens that were read from a cache, which are part of the input. Where only their sum is reported, text comes first:
 * its discount is the smaller one, so the cost is never understated.
 */
function cachedTokens(details: readonly unknown[], textIn: number, imageIn: number) {
  const cached = details.map((each) => member(each, 'cached_tokens_details'))
  const kind = (name: string) => firstAmount(...cached.map((each) => member(each, name)))
  const sum = firstAmount(...details.map((each) => member(each, 'cached_tokens')))
  const [text, image] = [kind('text_tokens'), kind('image_tokens')]
  const cachedText = Math.min(textIn, text ?? difference(sum, image ?? 0) ?? 0)
  const cachedImage = Math.min(imageIn, image ?? difference(sum, cachedText) ?? 0)
  return { cachedTextTokensIn: cachedText || undefined, cachedImageTokensIn: cachedImage || undefined }
}

function difference(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined || part === undefined ? undefined : Math.max(0, whole - part)
}

function defined(fields: Record<keyof Usage, number | undefined>): Usage {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** What a call generated. */
export interface Generated {
  operation: Operation
  images: number
  usage: Usage
}

/**
 * The list price of a call in US dollars, by usage or per image. `undefined` if it is unknown: there is no price, the usage
 * is not reported, or it contains something that has no price. Megapixels are rounded up, as they are billed.
 */
export function costOf(price: Price | undefined, generated: Generated): number | undefined {
  if (price === undefined) return undefined
  if (price.image !== undefined) return price.image * generated.images
  return price.megapixelOut === undefined ? tokenCost(price, generated) : megapixelCost(price, generated.usage)
}

function megapixelCost(price: Price, { megapixelsIn = 0, megapixelsOut = 0 }: Usage): number | undefined {
  // Gateways report zero for what they do not know; an image has pixels.
  if (megapixelsOut === 0) return undefined
  return sum(
    cost(Math.ceil(megapixelsIn), price.megapixelIn),
    cost(Math.ceil(megapixelsOut), price.megapixelOut),
    price.firstMegapixelOut ?? 0,
  )
}

function tokenCost(price: Price, { operation, usage }: Generated): number | undefined {
  const { textTokensIn: text = 0, cachedTextTokensIn: cachedText = 0 } = usage
  const { imageTokensIn: image = 0, cachedImageTokensIn: cachedImage = 0, tokensOut = 0 } = usage
  if (tokensOut === 0) return undefined
  const { textIn, imageIn, imageOut } = price
  // Input that is not split is mostly image in an edit.
  const isImage = operation === 'edit' && usage.imageTokensIn === undefined
  const [textRate, cachedRate] = isImage
    ? [imageIn ?? textIn, price.imageInCached ?? imageIn ?? textIn]
    : [textIn, price.textInCached ?? textIn]
  const perMillion = sum(
    cost(text - cachedText, textRate),
    cost(cachedText, cachedRate),
    cost(image - cachedImage, imageIn),
    cost(cachedImage, price.imageInCached ?? imageIn),
    cost(tokensOut, imageOut),
  )
  return perMillion === undefined ? undefined : perMillion / 1_000_000
}

/** Nothing costs nothing, whether or not there is a rate. */
function cost(amount: number, rate: number | undefined): number | undefined {
  return amount === 0 ? 0 : rate === undefined ? undefined : amount * rate
}

function sum(...costs: readonly (number | undefined)[]): number | undefined {
  return costs.reduce<number | undefined>(
    (all, one) => (all === undefined || one === undefined ? undefined : all + one),
    0,
  )
}
