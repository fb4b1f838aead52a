import { disposeAll } from '../bytes/base64-image.ts'
import { type ServiceError, serviceError } from '../errors/errors.ts'
import { hasFilterCode, hitCategories, isContentFiltered } from './content-filter.ts'
import { type AzureFault, faultOf, normalizeCode } from './error-body.ts'
import { listOf, member, textOf } from './fields.ts'
import { type ParsedResponse, partsOf, type ResponseOptions, type ResponseReading } from './response-parts.ts'
import { ResponseReader } from './response-reader.ts'
import { openEventStream } from './sse-parser.ts'
import type { ResponseHeaders } from './transport.ts'
import type { MissingImages } from './types.ts'
import { readUsage } from './usage.ts'

/** Whitespace and the bytes of a byte order mark, which may precede either kind of body. */
const IGNORED_BYTES: ReadonlySet<number> = new Set(Buffer.from(' \t\r\n\ufeff'))

/**
 * Starts to read a successful response: one JSON document or an event stream. The content type decides, unless the first
 * character contradicts it.
 */
export function openResponse(headers: ResponseHeaders, options: ResponseOptions): ResponseReading {
  const isStream = /^text\/event-stream\b/i.test(String(headers['content-type'] ?? ''))
  let reading: ResponseReading | undefined
  const open = (isEvents: boolean) => (isEvents ? openEventStream(options) : openDocument(options))
  return {
    write(chunk) {
      if (reading !== undefined) return reading.write(chunk)
      const start = chunk.findIndex((byte) => !IGNORED_BYTES.has(byte))
      if (start === -1) return
      const first = String.fromCharCode(chunk[start] ?? 0)
      reading = open(first !== '{' && first !== '[' && (isStream || /[:deir]/.test(first)))
      return reading.write(chunk.subarray(start))
    },
    finish: () => (reading ?? open(isStream)).finish(),
    hasImage: async () => (await reading?.hasImage()) ?? false,
    abort: async () => reading?.abort(),
  }
}

function openDocument({ spool, maxBytes }: ResponseOptions): ResponseReading {
  const reader = new ResponseReader({ spool, maxBytes })
  let response: Promise<ParsedResponse> | undefined

  async function read(): Promise<ParsedResponse> {
    const { document, images, problem } = await reader.end()
    // The link of a job that goes on leads to its state.
    const parts = images.length === 0 && isUnfinished(document) ? [] : partsOf(document, images)
    const [first, ...rest] = parts
    if (images.length > 0) {
      const returned = new Set(parts.map((part) => ('image' in part ? part.image : undefined)))
      await disposeAll(images.filter((image) => !returned.has(image)))
    }
    if (first !== undefined) {
      return {
        parts: [first, ...rest],
        usage: readUsage(document),
        missing: missingOf(document, problem !== undefined),
      }
    }
    throw problem ?? missingImageError(document)
  }

  function finish() {
    response ??= read()
    return response
  }
  return {
    write: (chunk) => reader.write(chunk),
    finish,
    hasImage: () =>
      finish().then(
        () => true,
        () => false,
      ),
    abort: () => reader[Symbol.asyncDispose](),
  }
}

/** What a document says about images that it does not have; it has others. */
function missingOf(document: unknown, isIncomplete: boolean): MissingImages | undefined {
  const entries = [document, ...listOf(member(document, 'data')).filter((entry) => partsOf(entry, []).length === 0)]
  const categories = filterHits(entries, entries.map(faultOf))
  if (categories !== undefined) return { cause: 'filter', categories }
  return isIncomplete ? { cause: 'unreadable' } : undefined
}

/** Why a document has no image: the content filter, another error, or an unknown reason. */
function missingImageError(document: unknown): ServiceError {
  const entries = [document, ...listOf(document), ...listOf(member(document, 'data'))]
  const faults = [faultOf(document), faultOf(member(document, 'data'))]
  const categories = filterHits(entries, faults)
  if (categories !== undefined) return serviceError('IMG_ERR_AZURE_CONTENT', [categories])
  const hasFailed = faults.some(({ isJson }) => isJson)
  return hasFailed || isUnfinished(document)
    ? serviceError('IMG_ERR_AZURE_BROKE_OFF', [])
    : serviceError('IMG_ERR_AZURE_NO_IMAGE', [])
}

/** A job that goes on, as Black Forest Labs' own API returns it. https://docs.bfl.ai/quick_start/generating_images */
function isUnfinished(document: unknown): boolean {
  const status = normalizeCode(textOf(member(document, 'status')))
  return (
    member(document, 'polling_url') !== undefined ||
    /^(?:pending|queued|accepted|submitted|notstarted|running|processing|inprogress)$/.test(status)
  )
}

/** The content filter categories that were hit; undefined if the filter removed nothing. */
function filterHits(entries: readonly unknown[], faults: readonly AzureFault[]): readonly string[] | undefined {
  const verdicts = ['content_filter_results', 'content_filter_result', 'prompt_filter_results']
  const categories = hitCategories(entries.map((entry) => verdicts.map((name) => member(entry, name))))
  if (categories.length > 0) return categories
  const reasons = ['finish_reason', 'status'].flatMap((name) => entries.map((entry) => textOf(member(entry, name))))
  return faults.find(isContentFiltered)?.categories ?? (hasFilterCode(reasons.map(normalizeCode)) ? [] : undefined)
}
