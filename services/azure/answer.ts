import { Compile } from 'typebox/compile'
import { AzureAnswerSchema } from '../../schemas/azure.ts'
import { serviceError } from '../errors.ts'
import { type EncodedImage, encodeImage } from '../images/encoded-image.ts'
import { sniffFacts } from '../images/image-probe.ts'
import { hitCategories } from './azure-error.ts'
import type { AnswerSink } from './transport.ts'

const answerBody = Compile(AzureAnswerSchema)

/** Where a picture of an answer is: in it, or behind a link. */
export type AnswerPart = { image: EncodedImage } | { url: string }

/** Takes a body up to a limit in bytes. */
export class BodyCollector implements AnswerSink {
  readonly #chunks: Buffer[] = []
  #bytes = 0
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @throws ServiceError IMG_ERR_AZURE_ANSWER_TOO_LARGE */
  write(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) throw serviceError('IMG_ERR_AZURE_ANSWER_TOO_LARGE', [])
    this.#chunks.push(chunk)
  }

  body(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

/** Takes the beginning of an error's body and lets the rest go by. */
export class ErrorBodyCollector implements AnswerSink {
  readonly #chunks: Buffer[] = []
  #room = 64 * 1024

  write(chunk: Buffer): void {
    if (this.#room <= 0) return
    this.#chunks.push(chunk.subarray(0, this.#room))
    this.#room -= chunk.length
  }

  body(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

/**
 * Reads a 200: its pictures in order.
 *
 * @throws ServiceError IMG_ERR_AZURE_BAD_ANSWER, IMG_ERR_AZURE_NO_IMAGE, IMG_ERR_AZURE_CONTENT
 */
export function readAnswer(body: Buffer): [AnswerPart, ...AnswerPart[]] {
  const json = parse(body)
  const entries = answerBody.Check(json) ? json.data : []
  const parts = entries.flatMap((entry): AnswerPart[] => {
    if (typeof entry.b64_json === 'string' && entry.b64_json !== '') return [{ image: heldImage(entry.b64_json) }]
    return typeof entry.url === 'string' && entry.url !== '' ? [{ url: entry.url }] : []
  })
  const [first, ...rest] = parts
  if (first !== undefined) return [first, ...rest]
  const categories = entries.flatMap((entry) => hitCategories(entry.content_filter_results))
  if (categories.length > 0) throw serviceError('IMG_ERR_AZURE_CONTENT', [categories])
  throw serviceError('IMG_ERR_AZURE_NO_IMAGE', [])
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw serviceError('IMG_ERR_AZURE_BAD_ANSWER', [], { cause })
  }
}

export function heldImage(base64: string): EncodedImage {
  const bytes = Buffer.from(base64, 'base64')
  const facts = sniffFacts(bytes)
  if (facts === undefined) throw serviceError('IMG_ERR_AZURE_BAD_ANSWER', [])
  return encodeImage(bytes, facts)
}
