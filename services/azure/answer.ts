import { Compile } from 'typebox/compile'
import { AzureAnswerSchema } from '../../schemas/azure.ts'
import { serviceError } from '../errors.ts'
import { createAnswerReader } from '../images/answer-reader.ts'
import { type EncodedImage, isEncodedImage } from '../images/encoded-image.ts'
import type { HeldBytes } from '../images/held-bytes.ts'
import { hitCategories } from './azure-error.ts'
import { openEventStream } from './event-stream.ts'
import type { Usage } from './images-client.ts'
import type { AnswerHeaders, AnswerSink } from './transport.ts'
import { readUsage } from './usage.ts'

const answerBody = Compile(AzureAnswerSchema)

/** Where a picture of an answer is: in it, or behind a link. */
export type AnswerPart = { image: EncodedImage } | { url: string }

export interface ReadAnswer {
  parts: [AnswerPart, ...AnswerPart[]]
  usage: Usage
}

/** A 200 while it arrives. Either `finish` or `abort` must follow. */
export interface AnswerReading extends AnswerSink {
  /**
   * The pictures in order, and what they used up.
   * @throws ServiceError IMG_ERR_AZURE_BAD_ANSWER, IMG_ERR_AZURE_NO_IMAGE, IMG_ERR_AZURE_CONTENT
   */
  finish(): Promise<ReadAnswer>
  abort(): Promise<void>
}

export interface AnswerOptions {
  held: HeldBytes
  /** Bytes of one answer. */
  maxBytes: number
  /** A sketch of the picture has come; only in event streams. */
  onSketch: () => void
}

/** Starts to read a 200; its type says whether it is one document or an event stream. */
export function openAnswer(headers: AnswerHeaders, options: AnswerOptions): AnswerReading {
  const type = String(headers['content-type'] ?? '')
  if (/^text\/event-stream\b/i.test(type)) return openEventStream(options)
  const reader = createAnswerReader({ held: options.held, maxBytes: options.maxBytes })
  return {
    write: reader.write,
    async finish() {
      const { document, images } = await reader.end()
      let parts: readonly AnswerPart[] = []
      try {
        const answer = readDocument(document)
        parts = answer.parts
        return answer
      } finally {
        // Also what lies where no picture is expected.
        const taken = new Set(parts.map((part) => ('image' in part ? part.image : undefined)))
        await Promise.all(images.map((image) => (taken.has(image) ? undefined : image.release())))
      }
    },
    abort: reader.abort,
  }
}

function readDocument(document: unknown): ReadAnswer {
  const entries = answerBody.Check(document) ? document.data : []
  const parts = entries.flatMap(({ b64_json: image, url }): AnswerPart[] => {
    if (isEncodedImage(image)) return [{ image }]
    return typeof url === 'string' && url !== '' ? [{ url }] : []
  })
  const [first, ...rest] = parts
  if (first !== undefined) return { parts: [first, ...rest], usage: readUsage(document) }
  const categories = entries.flatMap((entry) => hitCategories(entry.content_filter_results))
  if (categories.length > 0) throw serviceError('IMG_ERR_AZURE_CONTENT', [categories])
  throw serviceError('IMG_ERR_AZURE_NO_IMAGE', [])
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
