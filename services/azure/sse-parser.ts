import { disposeAll } from '../bytes/base64-image.ts'
import { type ServiceError, serviceError } from '../errors/errors.ts'
import { knownCodes } from './azure-error.ts'
import { isContentFiltered } from './content-filter.ts'
import { type AzureFault, faultOf } from './error-body.ts'
import { member } from './fields.ts'
import { type LineHandlers, LineSplitter } from './line-splitter.ts'
import {
  type ParsedResponse,
  partsOf,
  type ResponseOptions,
  type ResponsePart,
  type ResponseReading,
} from './response-parts.ts'
import { type Response, ResponseReader } from './response-reader.ts'
import type { MissingImages, Usage } from './types.ts'
import { readUsage } from './usage.ts'

const DATA_FIELD = Buffer.from('data:')
const DATA_START = Buffer.from('data: ')
const SPACE = 0x20
/** Ends a stream. */
const DONE = '[DONE]'

/** Characters of a line that is not data; event names are shorter. */
const MAX_OTHER_LENGTH = 100
/** Maximum number of images buffered per stream. */
const MAX_IMAGES = 16

/**
 * Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation)
 * with one JSON document each. A partial image is parsed and disposed at once, the completed image is kept; neither
 * becomes a string. An event that cannot be read does not affect the others.
 */
export function openEventStream(options: ResponseOptions): ResponseReading {
  const collected = new EventCollector(options.onPartialImage)
  const lines = new EventLines(options, collected)
  const splitter = new LineSplitter(lines)
  let received = 0
  return {
    async write(chunk) {
      received += chunk.length
      if (received > options.maxBytes) throw serviceError('IMG_ERR_AZURE_RESPONSE_TOO_LARGE', [])
      await splitter.write(chunk)
    },
    async hasImage() {
      await lines.endEvent()
      return collected.hasCompletedImage
    },
    async finish() {
      await lines.endEvent()
      return collected.finish()
    },
    async abort() {
      await lines.abort()
      await collected.release()
    },
  }
}

/** Turns lines into documents, parsing the payload of each event while it arrives. */
class EventLines implements LineHandlers {
  readonly #options: ResponseOptions
  readonly #collected: EventCollector
  /** Parses the current event; `undefined` before its first data. */
  #reader: ResponseReader | undefined
  /** The current event's name, for documents without a type. */
  #eventName = ''
  /** The beginning of the current event's data. */
  #dataStart = ''
  /** The rest of the current event is dropped: it cannot be parsed. */
  #isSkipped = false
  /** The beginning of the current line; `undefined` once its field is known. */
  #lineStart: Buffer | undefined = Buffer.alloc(0)
  #isData = false
  /** The beginning of a line that is not data. */
  #otherLine = ''

  constructor(options: ResponseOptions, collected: EventCollector) {
    this.#options = options
    this.#collected = collected
  }

  async onPart(bytes: Buffer): Promise<void> {
    if (this.#otherLine !== '') {
      this.#otherLine += bytes.toString('latin1', 0, MAX_OTHER_LENGTH - this.#otherLine.length)
    }
    const payload = this.#lineStart === undefined ? bytes : this.#startLine(this.#lineStart, bytes)
    if (!this.#isData || this.#isSkipped || payload.length === 0) return
    this.#dataStart += payload.toString('latin1', 0, DONE.length - this.#dataStart.length)
    try {
      await this.#reader?.write(payload)
    } catch (error) {
      this.#collected.reportProblem(error)
      this.#isSkipped = true
      await this.abort()
    }
  }

  async onEnd(isEmpty: boolean): Promise<void> {
    this.#eventName = /^event: ?(.+)$/.exec(this.#otherLine)?.[1] ?? this.#eventName
    this.#otherLine = ''
    this.#lineStart = Buffer.alloc(0)
    this.#isData = false
    if (isEmpty) await this.endEvent()
  }

  /** Finds out the line's field. Returns the payload so far, without the field's name. */
  #startLine(start: Buffer, bytes: Buffer): Buffer {
    const seen = Buffer.concat([start, bytes])
    // The first byte of the payload, which may follow a space, decides how the event is read.
    if (seen.length <= DATA_START.length && seen.equals(DATA_START.subarray(0, seen.length))) {
      this.#lineStart = seen
      return Buffer.alloc(0)
    }
    this.#lineStart = undefined
    this.#isData = seen.subarray(0, DATA_FIELD.length).equals(DATA_FIELD)
    if (!this.#isData) {
      this.#otherLine = seen.toString('latin1', 0, MAX_OTHER_LENGTH)
      return Buffer.alloc(0)
    }
    const payload = seen.subarray(DATA_FIELD.length + (seen[DATA_FIELD.length] === SPACE ? 1 : 0))
    const { spool, maxBytes } = this.#options
    if (!this.#isSkipped) this.#reader ??= new ResponseReader({ spool, maxBytes })
    return payload
  }

  async endEvent(): Promise<void> {
    const [reader, name, isDone] = [this.#reader, this.#eventName, this.#dataStart === DONE]
    this.#reader = undefined
    this.#eventName = ''
    this.#dataStart = ''
    this.#isSkipped = false
    if (reader === undefined) return
    if (isDone) return reader[Symbol.asyncDispose]()
    try {
      await this.#collected.add(await reader.end(), name)
    } catch (error) {
      this.#collected.reportProblem(error)
      await reader[Symbol.asyncDispose]()
    }
  }

  async abort(): Promise<void> {
    const reader = this.#reader
    this.#reader = undefined
    await reader?.[Symbol.asyncDispose]()
  }
}

/** The images, usage and errors of a stream. */
class EventCollector {
  readonly #onPartialImage: () => void
  /** Of events that are marked as completed. */
  readonly #completed: ResponsePart[] = []
  /** Of events without a type; used if no event is marked as completed. */
  readonly #untyped: ResponsePart[] = []
  #usage: Usage = {}
  #failure: ServiceError | undefined
  /** Content filter categories of the failure. */
  #categories: readonly string[] = []
  /** What could not be read, reported if there is no image. */
  #problem: unknown

  constructor(onPartialImage: () => void) {
    this.#onPartialImage = onPartialImage
  }

  get hasCompletedImage(): boolean {
    return this.#completed.length > 0
  }

  reportProblem(problem: unknown): void {
    this.#problem ??= problem
  }

  async add({ document, type, images, problem }: Response, eventName: string): Promise<void> {
    this.reportProblem(problem)
    this.#usage = { ...this.#usage, ...readUsage(document) }
    const kind = /completed|partial/.test(type) ? type : `${eventName} ${type}`
    const isCompleted = /\.completed\b/.test(kind)
    const isPartial = !isCompleted && (/partial/.test(kind) || member(document, 'partial_image_index') !== undefined)
    // A document that cannot be parsed may be a partial image, unless its name marks it as completed.
    const isUsed = isCompleted || (!isPartial && document !== undefined)
    const parts = isUsed ? partsOf(document, images) : []
    const list = isCompleted ? this.#completed : this.#untyped
    const kept = parts.slice(0, Math.max(0, MAX_IMAGES - list.length))
    list.push(...kept)
    const keptImages = new Set(kept.map((part) => ('image' in part ? part.image : undefined)))
    await disposeAll(images.filter((image) => !keptImages.has(image)))
    if (isPartial && images.length > 0) this.#onPartialImage()
    const fault = faultOf(document)
    const isFailed = [eventName, type].some((word) => /(^|\.)(error|failed)$/.test(word))
    if (parts.length === 0 && (fault.isJson || fault.message !== '' || isFailed)) {
      if (this.#failure === undefined) this.#categories = fault.categories
      this.#failure ??= streamError(fault)
    }
  }

  async finish(): Promise<ParsedResponse> {
    const isTyped = this.#completed.length > 0
    const [first, ...rest] = isTyped ? this.#completed : this.#untyped
    if (isTyped) await releaseAll(this.#untyped)
    if (first !== undefined) return { parts: [first, ...rest], usage: this.#usage, missing: this.#missing() }
    throw this.#failure ?? this.#problem ?? serviceError('IMG_ERR_AZURE_BROKE_OFF', [])
  }

  /** Why a stream may have fewer images than requested. */
  #missing(): MissingImages | undefined {
    if (this.#failure?.code === 'IMG_ERR_AZURE_CONTENT') return { cause: 'filter', categories: this.#categories }
    return this.#failure === undefined && this.#problem === undefined ? undefined : { cause: 'unreadable' }
  }

  async release(): Promise<void> {
    await releaseAll([...this.#completed, ...this.#untyped])
  }
}

async function releaseAll(parts: readonly ResponsePart[]): Promise<void> {
  await disposeAll(parts.flatMap((part) => ('image' in part ? part.image : [])))
}

function streamError(fault: AzureFault): ServiceError {
  const detail = { azureCode: knownCodes(fault) }
  return isContentFiltered(fault)
    ? serviceError('IMG_ERR_AZURE_CONTENT', [fault.categories], { detail })
    : serviceError('IMG_ERR_AZURE_BROKE_OFF', [], { detail })
}
