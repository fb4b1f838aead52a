import { Compile } from 'typebox/compile'
import { AzureErrorBodySchema, AzureStreamEventSchema } from '../../schemas/azure.ts'
import { serviceError } from '../errors.ts'
import { type AnswerReader, createAnswerReader } from '../images/answer-reader.ts'
import { isEncodedImage } from '../images/encoded-image.ts'
import type { AnswerOptions, AnswerPart, AnswerReading, ReadAnswer } from './answer.ts'
import { isRefusal, readFault } from './azure-error.ts'
import type { Usage } from './images-client.ts'
import { readUsage } from './usage.ts'

const streamEvent = Compile(AzureStreamEventSchema)
const errorBody = Compile(AzureErrorBodySchema)

const newline = 10
const dataField = Buffer.from('data:')
const dataStart = Buffer.from('data: ')

/**
 * Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation)
 * with one JSON document each. A sketch is read like a picture and given back at once, the completed picture is kept;
 * neither ever becomes a string.
 */
export function openEventStream(options: AnswerOptions): AnswerReading {
  const parts: AnswerPart[] = []
  let usage: Usage = {}
  let received = 0
  let failure: unknown
  let event: AnswerReader | undefined
  /** The beginning of the line under way; `undefined` once it is known what line it is. */
  let lineStart: Buffer | undefined = Buffer.alloc(0)
  let isData = false
  /** The payload `[DONE]` and the like: nothing to read. */
  let isSkipped = false

  async function startLine(bytes: Buffer): Promise<Buffer> {
    const seen = Buffer.concat([lineStart ?? Buffer.alloc(0), bytes])
    // The first byte of the payload decides how it is read, and a blank may stand before it.
    if (seen.length <= dataStart.length && seen.equals(dataStart.subarray(0, seen.length))) {
      lineStart = seen
      return Buffer.alloc(0)
    }
    lineStart = undefined
    isData = seen.subarray(0, dataField.length).equals(dataField)
    if (!isData) return Buffer.alloc(0)
    const payload = seen.subarray(dataField.length + (seen[dataField.length] === 32 ? 1 : 0))
    if (event === undefined) isSkipped = payload[0] === 0x5b
    if (!isSkipped) event ??= createAnswerReader({ held: options.held, maxBytes: options.maxBytes })
    return payload
  }

  async function endEvent(): Promise<void> {
    const reader = event
    event = undefined
    isSkipped = false
    if (reader === undefined) return
    const { document, images } = await reader.end().catch(async (error: unknown) => {
      await reader.abort()
      throw error
    })
    if (errorBody.Check(document)) failure ??= streamError(document)
    const completed = streamEvent.Check(document) && /\.completed$/.test(document.type) ? document.b64_json : undefined
    if (isEncodedImage(completed)) {
      parts.push({ image: completed })
      usage = readUsage(document)
    } else if (images.length > 0) options.onSketch()
    await Promise.all(images.map((image) => (image === completed ? undefined : image.release())))
  }

  async function writeLinePart(bytes: Buffer): Promise<void> {
    const payload = lineStart === undefined ? bytes : await startLine(bytes)
    if (isData && !isSkipped && payload.length > 0) await event?.write(payload)
  }

  async function endLine(isEmpty: boolean): Promise<void> {
    lineStart = Buffer.alloc(0)
    isData = false
    if (isEmpty) await endEvent()
  }

  let lineBytes = 0
  return {
    async write(chunk) {
      received += chunk.length
      if (received > options.maxBytes) throw serviceError('IMG_ERR_AZURE_ANSWER_TOO_LARGE', [])
      for (let from = 0; from < chunk.length; ) {
        const at = chunk.indexOf(newline, from)
        const line = chunk.subarray(from, at === -1 ? chunk.length : at)
        // Blanks outside strings mean nothing to JSON, so a carriage return at a line's end may stay.
        lineBytes += line.length === 1 && line[0] === 13 ? 0 : line.length
        if (line.length > 0) await writeLinePart(line)
        if (at === -1) return
        await endLine(lineBytes === 0)
        lineBytes = 0
        from = at + 1
      }
    },

    async finish(): Promise<ReadAnswer> {
      await endEvent()
      const [first, ...rest] = parts
      if (first !== undefined) return { parts: [first, ...rest], usage }
      throw failure ?? serviceError('IMG_ERR_AZURE_NO_IMAGE', [])
    },

    async abort() {
      await event?.abort()
      await Promise.all(parts.map((part) => ('image' in part ? part.image.release() : undefined)))
    },
  }
}

function streamError(document: unknown) {
  const fault = readFault(Buffer.from(JSON.stringify(document)))
  const detail = { azureCode: fault.codes.join(' ').slice(0, 200) }
  return isRefusal(fault)
    ? serviceError('IMG_ERR_AZURE_CONTENT', [fault.categories], { detail })
    : serviceError('IMG_ERR_AZURE_BROKE_OFF', [], { detail })
}
