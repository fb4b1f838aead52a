import { disposeAll } from '../bytes/base64-image.ts'
import { type ServiceError, serviceError } from '../errors/errors.ts'
import { type AzureFault, faultOf, isContentFiltered, knownCodes } from './azure-error.ts'
import { member, textOf } from './fields.ts'
import {
  type ParsedResponse,
  partsOf,
  type ResponseOptions,
  type ResponsePart,
  type ResponseReading,
} from './image-response.ts'
import { type Response, ResponseReader } from './response-reader.ts'
import type { Usage } from './types.ts'
import { readUsage } from './usage.ts'

const lineFeed = 10
const carriageReturn = 13
const dataField = Buffer.from('data:')
const dataStart = Buffer.from('data: ')

/** Names of events are short. */
const maxOtherLength = 100

/** Images that are kept of one stream. */
const maxImages = 16

/**
 * Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation)
 * with one JSON document each. A sketch is read like an image and released at once, the completed image is kept; neither
 * ever becomes a string. An event that cannot be read costs the others nothing.
 */
export function openEventStream(options: ResponseOptions): ResponseReading {
  /** Of events that say that they are the completed ones. */
  const completed: ResponsePart[] = []
  /** Of events that do not say what they are; taken where no other says that it is completed. */
  const presumed: ResponsePart[] = []
  let usage: Usage = {}
  let received = 0
  let failure: ServiceError | undefined
  let unreadable: unknown
  let event: ResponseReader | undefined
  /** The beginning of the line under way; `undefined` once it is known what line it is. */
  let lineStart: Buffer | undefined = Buffer.alloc(0)
  let isData = false
  /** The beginning of a line without data. */
  let other = ''
  /** What the event under way is called, where its document does not say. */
  let eventName = ''
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
    if (!isData) {
      other = seen.toString('latin1', 0, maxOtherLength)
      return Buffer.alloc(0)
    }
    const payload = seen.subarray(dataField.length + (seen[dataField.length] === 32 ? 1 : 0))
    if (event === undefined) isSkipped = payload[0] === 0x5b
    if (!isSkipped) event ??= new ResponseReader({ buffered: options.buffered, maxBytes: options.maxBytes })
    return payload
  }

  async function endEvent(): Promise<void> {
    const [reader, name] = [event, eventName]
    event = undefined
    eventName = ''
    isSkipped = false
    if (reader === undefined) return
    try {
      await takeEvent(await reader.end(), name)
    } catch (error) {
      unreadable ??= error
      await reader[Symbol.asyncDispose]()
    }
  }

  async function takeEvent({ document, images, problem }: Response, name: string): Promise<void> {
    unreadable ??= problem
    usage = { ...usage, ...readUsage(document) }
    const type = textOf(member(document, 'type'))
    const kind = /completed|partial/.test(type) ? type : `${name} ${type}`
    const isCompleted = /\.completed\b/.test(kind)
    const isSketch = !isCompleted && (/partial/.test(kind) || member(document, 'partial_image_index') !== undefined)
    // What cannot be parsed may be a sketch, unless its name says otherwise.
    const isTaken = isCompleted || (!isSketch && document !== undefined)
    const parts = isTaken ? partsOf(document, images) : []
    const list = isCompleted ? completed : presumed
    const stored = parts.slice(0, Math.max(0, maxImages - list.length))
    list.push(...stored)
    const storedImages = new Set(stored.map((part) => ('image' in part ? part.image : undefined)))
    await disposeAll(images.filter((image) => !storedImages.has(image)))
    if (isSketch && images.length > 0) options.onSketch()
    const fault = faultOf(document)
    const isFailed = [name, type].some((word) => /(^|\.)(error|failed)$/.test(word))
    if (parts.length === 0 && (fault.isJson || fault.message !== '' || isFailed)) {
      failure ??= streamError(fault)
    }
  }

  async function writeLinePart(bytes: Buffer): Promise<void> {
    if (other !== '') other += bytes.toString('latin1', 0, maxOtherLength - other.length)
    const payload = lineStart === undefined ? bytes : await startLine(bytes)
    if (!isData || isSkipped || payload.length === 0) return
    try {
      await event?.write(payload)
    } catch (error) {
      // What is left of this event goes by.
      unreadable ??= error
      isSkipped = true
      const reader = event
      event = undefined
      await reader?.[Symbol.asyncDispose]()
    }
  }

  async function endLine(isEmpty: boolean): Promise<void> {
    eventName = /^event: ?(.+)$/.exec(other)?.[1] ?? eventName
    other = ''
    lineStart = Buffer.alloc(0)
    isData = false
    if (isEmpty) await endEvent()
  }

  let lineBytes = 0
  /** A line feed that follows belongs to the line end before it. */
  let isAfterReturn = false
  return {
    async write(chunk) {
      received += chunk.length
      if (received > options.maxBytes) throw serviceError('IMG_ERR_AZURE_RESPONSE_TOO_LARGE', [])
      let feed = chunk.indexOf(lineFeed)
      for (let from = 0; from < chunk.length; ) {
        if (isAfterReturn && chunk[from] === lineFeed) from++
        isAfterReturn = false
        // Looked for once a feed, whatever returns lie before it.
        if (feed !== -1 && feed < from) feed = chunk.indexOf(lineFeed, from)
        const end = feed === -1 ? chunk.length : feed
        const back = chunk.subarray(from, end).indexOf(carriageReturn)
        const at = back === -1 ? end : from + back
        const line = chunk.subarray(from, at)
        lineBytes += line.length
        if (line.length > 0) await writeLinePart(line)
        if (at === chunk.length) return
        await endLine(lineBytes === 0)
        lineBytes = 0
        isAfterReturn = chunk[at] === carriageReturn
        from = at + 1
      }
    },

    async hasImage() {
      await endEvent()
      return completed.some((part) => 'image' in part)
    },

    async finish(): Promise<ParsedResponse> {
      await endEvent()
      const [taken, left] = completed.length > 0 ? [completed, presumed] : [presumed, []]
      await disposeParts(left)
      const [first, ...rest] = taken
      if (first !== undefined) return { parts: [first, ...rest], usage }
      throw failure ?? unreadable ?? serviceError('IMG_ERR_AZURE_BROKE_OFF', [])
    },

    async abort() {
      await event?.[Symbol.asyncDispose]()
      await disposeParts([...completed, ...presumed])
    },
  }
}

async function disposeParts(parts: readonly ResponsePart[]): Promise<void> {
  await disposeAll(parts.flatMap((part) => ('image' in part ? part.image : [])))
}

function streamError(fault: AzureFault): ServiceError {
  const detail = { azureCode: knownCodes(fault) }
  return isContentFiltered(fault)
    ? serviceError('IMG_ERR_AZURE_CONTENT', [fault.categories], { detail })
    : serviceError('IMG_ERR_AZURE_BROKE_OFF', [], { detail })
}
