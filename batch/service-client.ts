import { setTimeout as pause } from 'node:timers/promises'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'

/** What a tool returned. */
export interface CallOutcome {
  isError: boolean
  /** The first line, or the reason of a failure. */
  text: string
  /** All further texts. */
  notes: string
  images: { bytes: Buffer; mimeType: string }[]
  /** Ids of the images in the library, in order. */
  ids: string[]
}

/** The service cannot be used by the batch; the message is for the person at the terminal. */
export class ServiceUnavailableError extends Error {
  override name = 'ServiceUnavailableError'
}

export interface ServiceClientOptions {
  /** Of the service, with or without `/mcp`. */
  url: string
  /** API key or token; absent: the service needs none. */
  key?: string | undefined
  signal: AbortSignal
}

export interface ServiceClient {
  /** Names of the tools, each with the names of its arguments. */
  tools(): Promise<ReadonlyMap<string, readonly string[]>>
  /**
   * Calls a tool, and fetches the images whole that the result has as previews only. Waits as long as the service asks to
   * (429, 503).
   * @param isRepeatable whether it is repeated where the response was lost; otherwise the outcome is then an error that says so
   * @throws ServiceUnavailableError
   */
  call(tool: string, args: object, isRepeatable: boolean): Promise<CallOutcome>
}

const ContentSchema = Type.Object({
  type: Type.String(),
  text: Type.Optional(Type.String()),
  data: Type.Optional(Type.String()),
  mimeType: Type.Optional(Type.String()),
  /** Of a link to an image that is not in the result. */
  uri: Type.Optional(Type.String()),
})
const ResponseSchema = Type.Object({
  result: Type.Optional(
    Type.Object({
      content: Type.Optional(Type.Array(ContentSchema)),
      isError: Type.Optional(Type.Boolean()),
      contents: Type.Optional(
        Type.Array(Type.Object({ blob: Type.Optional(Type.String()), mimeType: Type.Optional(Type.String()) })),
      ),
      tools: Type.Optional(
        Type.Array(
          Type.Object({
            name: Type.String(),
            inputSchema: Type.Object({ properties: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
          }),
        ),
      ),
    }),
  ),
  error: Type.Optional(Type.Object({ code: Type.Number(), message: Type.String() })),
})
type RpcResponse = Static<typeof ResponseSchema>
const responses = Compile(ResponseSchema)

interface Retry {
  retryMs: number
  reason: string
  /** Whether the service may have had the request. */
  isSent: boolean
}

/** Failures of connections that were never opened. */
const unsent: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'])
const PERHAPS_BILLED = 'The image may have been generated and billed; another call may cost again.'

/** For a service that restarts or cannot be reached for a moment. */
const MAX_ATTEMPTS = 30
const MAX_WAIT_MS = 60_000
/** A call lasts ten minutes at most by default. */
const TIMEOUT_MS = 660_000

export function createServiceClient({ url, key, signal }: ServiceClientOptions): ServiceClient {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    // Earlier revisions have no links to images that are not in a result.
    'mcp-protocol-version': '2025-11-25',
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  }

  /** The response, or why and after how many milliseconds the request may be repeated. */
  async function tryOnce(method: string, params: object): Promise<RpcResponse | Retry> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
    let response: Response
    let text: string
    try {
      response = await fetch(url, { method: 'POST', headers, body, signal: timeout })
      text = await response.text()
    } catch (error) {
      signal.throwIfAborted()
      const isSent = !unsent.has(nameOf(error))
      return { retryMs: 2_000, reason: `${url} cannot be reached (${nameOf(error)})`, isSent }
    }
    const { status } = response
    const reason = `${url} returned ${status}: ${messageIn(text)}`
    if (status === 429 || status === 503) return { retryMs: retryAfter(response) ?? 5_000, reason, isSent: false }
    if (status === 502 || status === 504) return { retryMs: 5_000, reason, isSent: true }
    if (status !== 200) throw new ServiceUnavailableError(reason)
    const parsed: unknown = JSON.parse(text)
    if (!responses.Check(parsed)) throw new ServiceUnavailableError(`${url} returned no JSON-RPC response.`)
    return parsed
  }

  async function request(method: string, params: object, isRepeatable = true): Promise<RpcResponse> {
    for (let attempt = 1; ; attempt++) {
      const answered = await tryOnce(method, params)
      if (!('retryMs' in answered)) return answered
      if (answered.isSent && !isRepeatable)
        return { error: { code: 0, message: `${answered.reason}. ${PERHAPS_BILLED}` } }
      if (attempt === MAX_ATTEMPTS) throw new ServiceUnavailableError(answered.reason)
      await pause(Math.min(MAX_WAIT_MS, answered.retryMs), undefined, { signal })
    }
  }

  /** Undefined: it is in no store, or too large for the service as well. */
  async function readWhole(uri: string): Promise<CallOutcome['images'][number] | undefined> {
    const { result } = await request('resources/read', { uri })
    const [found, another] = result?.contents ?? []
    if (found?.blob === undefined || another !== undefined) return undefined
    return { bytes: Buffer.from(found.blob, 'base64'), mimeType: found.mimeType ?? '' }
  }

  /** With whole images in the place of previews. */
  async function withWholeImages(outcome: CallOutcome, links: readonly string[]): Promise<CallOutcome> {
    if (links.length === 0 || outcome.isError) return outcome
    const { ids, images } = outcome
    // Of each image there is the image itself, or a link and perhaps a preview.
    const areAllNamed = ids.length >= Math.max(images.length, links.length)
    const uris = areAllNamed ? ids.map((id) => `image://${id}`) : links
    const whole: CallOutcome['images'] = []
    for (const uri of uris) {
      const image = await readWhole(uri)
      if (image === undefined) return failure(`The service does not return the whole image ${uri}.`)
      whole.push(image)
    }
    return { ...outcome, images: whole }
  }

  return {
    async tools() {
      const { result, error } = await request('tools/list', {})
      if (result?.tools === undefined)
        throw new ServiceUnavailableError(`${url}: ${error?.message ?? 'no list of tools'}`)
      return new Map(result.tools.map(({ name, inputSchema }) => [name, Object.keys(inputSchema.properties ?? {})]))
    },
    async call(tool, args, isRepeatable) {
      const { result, error } = await request('tools/call', { name: tool, arguments: args }, isRepeatable)
      if (error !== undefined) return failure(error.message)
      const links = (result?.content ?? []).flatMap(({ type, uri }) => (type === 'resource_link' && uri ? [uri] : []))
      return await withWholeImages(toOutcome(result ?? {}), links)
    },
  }
}

export const failure = (text: string): CallOutcome => ({ isError: true, text, notes: '', images: [], ids: [] })

function toOutcome({ content = [], isError = false }: NonNullable<RpcResponse['result']>): CallOutcome {
  const [text = '', ...notes] = content.flatMap((block) => (block.type === 'text' ? [block.text ?? ''] : []))
  const images = content.flatMap(({ type, data, mimeType = '' }) =>
    type === 'image' && data !== undefined ? [{ bytes: Buffer.from(data, 'base64'), mimeType }] : [],
  )
  const ids = [...notes.join('\n').matchAll(/Image id: (img_[0-9a-z]{26})/g)].map(([, id = '']) => id)
  return { isError, text, notes: notes.join('\n'), images, ids }
}

function retryAfter({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds * 1000 : undefined
}

/** The message of an error response, in either form. */
function messageIn(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text)
    if (responses.Check(parsed) && parsed.error !== undefined) return parsed.error.message
  } catch {
    // A proxy's page says nothing that helps.
  }
  return 'no message'
}

function nameOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && 'code' in cause) return String(cause.code)
  return error instanceof Error ? error.name : 'unknown'
}
