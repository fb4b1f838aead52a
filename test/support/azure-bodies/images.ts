import { pixelPng } from '../fake-azure.ts'
import { pngOf } from '../images/images.ts'
import { CANARY, cut, fix, mutate, type Random, toJson } from './random.ts'

/** A response with images, as bytes that arrive in chunks. */
export interface ImageBody {
  name: string
  contentType: string
  text: string
  chunks: Buffer[]
  /** Base64, in order. */
  images: string[]
}

const images = [
  pixelPng,
  pngOf({ width: 3, height: 2, data: Buffer.alloc(31, '\xfb\xff', 'latin1') }).toString('base64'),
  pngOf({ width: 7, height: 5, data: Buffer.alloc(900, 0xff) }).toString('base64'),
]

const safe = { violence: { filtered: false, severity: 'safe' }, jailbreak: { filtered: false, detected: false } }
const gptUsage = {
  input_tokens: 20,
  input_tokens_details: { image_tokens: 0, text_tokens: 20 },
  output_tokens: 4160,
  output_tokens_details: { image_tokens: 4160, text_tokens: 0 },
  total_tokens: 4180,
}

/** Documents of Azure's image APIs, from Microsoft's documentation and published responses. */
const documents: Readonly<Record<string, (list: string[]) => unknown>> = {
  'gpt-image': (list) => ({
    created: 1_698_116_662,
    data: fix(list.map((image) => fix({ b64_json: fix(image) }))),
    usage: gptUsage,
    background: 'opaque',
    output_format: 'png',
    quality: 'high',
    size: '1024x1024',
  }),
  'gpt-image with verdicts': (list) => ({
    created: 1,
    data: fix(
      list.map((image) =>
        fix({
          b64_json: fix(image),
          url: null,
          revised_prompt: CANARY,
          prompt_filter_results: safe,
          content_filter_results: safe,
        }),
      ),
    ),
  }),
  'FLUX, provider route': (list) => ({
    created: 1,
    data: fix(
      list.map((image) =>
        fix({
          b64_json: fix(image),
          content_filter_results: safe,
          finish_reason: 'stop',
          error: null,
          message: null,
        }),
      ),
    ),
    request_meta: { cost: 3, input_mp: 0.39, output_mp: 1, total_pixels: 1_048_576 },
  }),
  'FLUX, deployment route': (list) => ({
    created: 1,
    data: fix(list.map((image) => fix({ url: null, b64_json: fix(image), revised_prompt: null }))),
  }),
  MAI: (list) => ({
    data: fix(list.map((image) => fix({ b64_json: fix(image) }))),
    usage: { num_input_text_tokens: 9, num_input_image_tokens: 0, num_output_tokens: 1024 },
  }),
  'data URLs as links': (list) => ({
    created: 1,
    data: fix(list.map((image) => fix({ url: fix(`data:image/png;base64,${image}`), revised_prompt: CANARY }))),
  }),
  'one image as result': ([image = '']) => ({ result: fix(image), usage: gptUsage }),
  'one image without a list': ([image = '']) => ({ created: 1, data: fix({ b64_json: fix(image) }) }),
}

function someImages(random: Random, name: string): string[] {
  const count = name.startsWith('one') ? 1 : 1 + random.below(4)
  return Array.from({ length: count }, () => random.pick(images))
}

/** A JSON document with images. */
export function imageDocument(random: Random): ImageBody {
  const name = random.pick(Object.keys(documents))
  const list = someImages(random, name)
  const mutated = mutate(documents[name]?.(list), random)
  const text =
    random.pick(['', '', '\ufeff', ' \n']) + toJson(mutated, random) + random.pick(['', '', '\n', '\0', '}x'])
  const contentType = random.pick(['application/json', 'application/json; charset=utf-8', 'text/plain', ''])
  return { name, contentType, text, chunks: cut(Buffer.from(text), random), images: list }
}

const kinds = ['image_generation', 'image_edit']

function partial(random: Random, kind: string): string[] {
  const event = {
    type: fix(`${kind}.partial_image`),
    b64_json: random.pick(images),
    partial_image_index: fix(random.below(3)),
    created_at: 1,
    size: '1024x1024',
  }
  return [...(random.chance(0.5) ? [`event: ${kind}.partial_image`] : []), dataOf(event, random)]
}

function dataOf(event: unknown, random: Random): string {
  // A line break would end the field.
  return `data:${random.pick([' ', ''])}${toJson(mutate(event, random), random).replace(/[\n\t]\s*/g, ' ')}`
}

/** Lines without meaning between events. */
const noise = [[': comment'], ['data: [DONE]'], ['data: {"x":null}'], ['event: ping'], ['id: 1', 'retry: 5'], ['data:']]

/** An event stream that ends with an image. */
export function imageStream(random: Random): ImageBody {
  const kind = random.pick(kinds)
  const image = random.pick(images)
  const isNamed = random.chance(0.5)
  // The name of the event, or its type, says that the image is complete.
  const type = isNamed ? `${kind}.completed` : fix(`${kind}.completed`)
  const completed = { type, b64_json: fix(image), created_at: 1, usage: gptUsage, quality: 'high' }
  const isCut = !isNamed && random.chance(0.2)
  const earlier = [
    ...Array.from({ length: random.below(3) }, () => random.pick(noise)),
    ...Array.from({ length: random.below(3) }, () => partial(random, kind)),
  ]
  const members = [`"b64_json":"${image}"`, `"type":"${kind}.completed"`]
  const cutOff = [`data: {${(random.chance(0.5) ? members : members.toReversed()).join()},"usage":{"input`]
  const whole = [
    [...(isNamed ? [`event: ${kind}.completed`] : []), dataOf(completed, random)],
    ...Array.from({ length: random.below(3) }, () => (random.chance(0.3) ? partial(random, kind) : random.pick(noise))),
  ]
  const newline = random.pick(['\n', '\r\n', '\r'])
  const end = random.pick(['', newline, newline + newline])
  const events = [...earlier, ...(isCut ? [cutOff] : whole)]
  const text = events.map((lines) => lines.join(newline)).join(newline + newline) + (isCut ? '' : end)
  const contentType = random.pick(['text/event-stream', 'text/event-stream; charset=utf-8'])
  return { name: `${kind} stream`, contentType, text, chunks: cut(Buffer.from(text), random), images: [image] }
}

/** A document whose connection broke; complete are the images whose last quote arrived. */
export function truncatedDocument(random: Random): ImageBody {
  const whole = imageDocument(random)
  const text = whole.text.slice(0, random.below(whole.text.length + 1))
  let from = 0
  const complete = whole.images.filter((image) => {
    const escaped = [image, image.replaceAll('/', '\\/').replaceAll('+', '\\u002b')]
    const at = escaped.map((form) => whole.text.indexOf(`${form}"`, from)).find((place) => place !== -1) ?? 0
    from = whole.text.indexOf('"', at) + 1
    return text.length >= from
  })
  return { ...whole, name: `${whole.name}, truncated`, text, chunks: cut(Buffer.from(text), random), images: complete }
}
