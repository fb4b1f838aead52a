import { isRecord } from '../bytes/json/is-record.ts'
import { parseLeadingJson } from '../bytes/json/leading-json.ts'
import { hitCategories } from './content-filter.ts'
import { listOf, member, textOf } from './fields.ts'
import type { ResponseSink } from './transport.ts'

/** Azure's error in one shape, whatever its wrapper and spelling. */
export interface AzureFault {
  /** Whether the body was Azure's own JSON; an HTML page comes from a gateway in between. */
  isJson: boolean
  /** In lower case, with only letters and digits: `contentFilter` and `content_filter` are the same. */
  codes: readonly string[]
  /** All its messages, those of inner errors included, a line each. */
  message: string
  parameter: string | undefined
  /** Content filter categories that were hit. */
  categories: readonly string[]
}

/** Collects the beginning of an error body and drops the rest. */
export class ErrorBodyCollector implements ResponseSink {
  readonly #chunks: Buffer[] = []
  // The body may quote the longest prompt that a model row may allow (200,000 characters), six bytes per escape.
  #capacity = 1_310_720

  write(chunk: Buffer): void {
    if (this.#capacity <= 0) return
    this.#chunks.push(chunk.subarray(0, this.#capacity))
    this.#capacity -= chunk.length
  }

  body(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

/** Parses an error body: wrapped or bare, in any known spelling, an event of a stream, or not JSON. */
export function parseFault(body: Buffer): AzureFault {
  // TextDecoder strips a byte order mark, on which JSON.parse would fail.
  const text = new TextDecoder().decode(body)
  const json = parseJson(text) ?? parseJson(/^data: ?(.*)$/m.exec(text)?.[1] ?? '')
  const fault = faultOf(json)
  return fault.isJson || fault.message !== '' ? fault : { ...fault, message: text.slice(0, 1000) }
}

/** Reads the error from a parsed document: a body, or an event of a stream. */
export function faultOf(document: unknown): AzureFault {
  const bodies = listOf(document).filter(isRecord)
  const texts = bodies.map((body) => member(body, 'error')).filter((error) => typeof error === 'string')
  // Under `error` or `errors`, one or several.
  const wrapped = bodies.flatMap((body) => listOf(member(body, 'error', 'errors')).filter(isRecord))
  const all = withInner([...wrapped, ...bodies])
  const messages = all.map((error) => textOf(member(error, 'message')))
  const message = [...new Set([...messages, ...texts])].filter(Boolean).join('\n')
  const results = ['content_filter_results', 'content_filter_result'].map((name) =>
    all.map((error) => member(error, name)),
  )
  const codes = all.flatMap((error) => [member(error, 'code'), member(error, 'type')]).map(textOf)
  return {
    isJson: wrapped.length > 0 || bodies.some(isBareError),
    codes: [...codes, ...texts].map(normalizeCode).filter((code) => code !== '' && code.length <= MAX_CODE_LENGTH),
    message,
    parameter: all.map((error) => textOf(member(error, 'param'))).find(Boolean),
    categories: hitCategories(results, message),
  }
}

/** Letters and digits; a longer code is a sentence. */
const MAX_CODE_LENGTH = 64

/** The gateway's 401 and the error events of a stream have no wrapper. */
function isBareError(body: object): boolean {
  return (
    typeof member(body, 'statusCode') === 'number' ||
    textOf(member(body, 'type')) === 'error' ||
    (textOf(member(body, 'code')) !== '' && textOf(member(body, 'message')) !== '')
  )
}

/** More than Azure nests. */
const MAX_ERRORS = 100

/** Errors and the errors nested in them, outermost first. Azure spells the inner error in three ways. */
function withInner(errors: readonly object[]): readonly unknown[] {
  const all = new Set<unknown>(errors.slice(0, MAX_ERRORS))
  for (const error of all) {
    for (const inner of [...innerNames.flatMap((name) => listOf(member(error, name))), parsedMessage(error)]) {
      if (isRecord(inner) && all.size < MAX_ERRORS) all.add(inner)
    }
  }
  return [...all]
}

const innerNames = ['error', 'errors', 'inner_error', 'innererror', 'innerError', 'details']

/** Gateways put the error of Azure into the text of their own. */
function parsedMessage(error: unknown): unknown {
  const message = member(error, 'message')
  return typeof message === 'string' && /^\s*\{/.test(message) ? parseJson(message) : undefined
}

function parseJson(text: string): unknown {
  try {
    return parseLeadingJson(text)
  } catch {
    return undefined
  }
}

/** A code in lower case, with only letters and digits. */
export function normalizeCode(code: string): string {
  return code.toLowerCase().replace(/[^a-z0-9]/g, '')
}
