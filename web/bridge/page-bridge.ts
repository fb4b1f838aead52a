import type { Bridge, CallOptions, HostAbilities, HostContext } from './bridge.ts'
import { isObject, objectOf, parseJson, textOf } from './json.ts'
import { StudioError, toStudioError } from './studio-error.ts'
import { readToolResult } from './tool-result.ts'

/** Why the person is asked for a key. */
export interface KeyQuestion {
  reason: 'missing' | 'wrong'
  /** The service takes tokens of an authorization server, which a page without registration cannot ask for. */
  takesTokens: boolean
  /** The service's sentence. */
  message: string
}

export interface PageBridgeOptions {
  /** Of the endpoint. */
  url: URL
  fetch: typeof fetch
  context: HostContext
  abilities: HostAbilities
  /** Asks the person for an API key. It is stored nowhere. */
  askKey(question: KeyQuestion): Promise<string>
}

export interface PageBridge extends Bridge {
  /** The browser's language, colors … changed. */
  setContext(context: HostContext): void
}

/** A revision without a handshake and with plain JSON results. */
const PROTOCOL_VERSION = '2025-11-25'
const DEFAULT_TIMEOUT_MS = 60_000
/** Of bodies on their way that outlive the page: browsers reject more than 64 KiB of them, whatever each is. */
const MAX_KEEPALIVE_BYTES = 60_000

/** `https://host/prefix/studio` → `https://host/prefix/mcp` */
export function endpointOf(page: string): URL {
  const url = new URL(page)
  const path = url.pathname.replace(/\/+$/, '')
  return new URL(`${path.slice(0, path.lastIndexOf('/'))}/mcp`, url.origin)
}

/** The bridge in a browser: calls go to the endpoint beside the page. */
export function createPageBridge(options: PageBridgeOptions): PageBridge {
  const listeners = new Set<(context: HostContext) => void>()
  let { context } = options
  let key: string | undefined
  /** One question at a time: every call that was rejected waits for the same key. */
  let question: Promise<void> | undefined
  let lastId = 0
  let keepaliveBytes = 0

  /** What no header takes is asked for again: a request with it would look like a lost connection. */
  async function askKey(asked: KeyQuestion): Promise<string> {
    const value = await options.askKey(asked)
    return /^[\x21-\x7e]+$/.test(value) ? value : await askKey({ ...asked, reason: 'wrong' })
  }

  async function ask(usedKey: string | undefined, response: Response, message: string): Promise<void> {
    // Another call was rejected as well, and the person has sent a key meanwhile.
    if (usedKey !== key) return
    const takesTokens = response.headers.get('www-authenticate')?.includes('resource_metadata=') === true
    question ??= askKey({ reason: key === undefined ? 'missing' : 'wrong', takesTokens, message })
      .then((value) => {
        key = value
      })
      .finally(() => {
        question = undefined
      })
    await question
  }

  /** @returns undefined instead of a body that is no JSON. @throws what `fetch` throws, also for a body that ends too early */
  async function exchange(body: Uint8Array<ArrayBuffer>, usedKey: string | undefined, signal: AbortSignal) {
    // A draft is stored although the page closes.
    const keepalive = keepaliveBytes + body.length <= MAX_KEEPALIVE_BYTES
    const bytes = keepalive ? body.length : 0
    keepaliveBytes += bytes
    try {
      const response = await options.fetch(options.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'mcp-protocol-version': PROTOCOL_VERSION,
          ...(usedKey === undefined ? {} : { authorization: `Bearer ${usedKey}` }),
        },
        body,
        signal,
        // Nothing of this page is in cookies, and a redirect would take the key elsewhere.
        credentials: 'omit',
        redirect: 'error',
        cache: 'no-store',
        referrerPolicy: 'no-referrer',
        keepalive,
      })
      return { response, message: parseJson(await response.text()) }
    } finally {
      keepaliveBytes -= bytes
    }
  }

  async function send(
    body: Uint8Array<ArrayBuffer>,
    { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions,
  ): Promise<unknown> {
    const usedKey = key
    // Each attempt has its time, because a person may look for the key in between.
    const time = AbortSignal.timeout(timeoutMs)
    const isOver = signal === undefined ? time : AbortSignal.any([signal, time])
    const { response, message } = await exchange(body, usedKey, isOver)
    const error = objectOf(objectOf(message).error)
    if (response.status === 401) {
      await ask(usedKey, response, textOf(error.message) ?? '')
      return await send(body, { signal, timeoutMs })
    }
    if (!response.ok || isObject(objectOf(message).error)) throw failureOf(response, textOf(error.message) ?? '')
    return objectOf(message).result
  }

  return {
    mode: 'page',
    abilities: options.abilities,
    get context() {
      return context
    },
    setContext(next) {
      context = next
      for (const listener of listeners) listener(next)
    },
    onContext(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async callTool(name, args, callOptions = {}) {
      const params = { name, arguments: args }
      const body = JSON.stringify({ jsonrpc: '2.0', id: ++lastId, method: 'tools/call', params })
      try {
        return readToolResult(await send(new TextEncoder().encode(body), callOptions))
      } catch (error) {
        // `fetch` reports every failure of the network as a TypeError.
        throw error instanceof TypeError ? new StudioError('offline') : toStudioError(error)
      }
    },
    onOpenedWith() {},
    onTeardown() {},
  }
}

function failureOf({ status, headers }: Response, message: string): StudioError {
  const seconds = Number(headers.get('retry-after'))
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined
  if (status === 403) return new StudioError('forbidden', message)
  if (status === 429) return new StudioError('rate-limited', message, retryAfterMs)
  if (status === 503) return new StudioError('unavailable', message, retryAfterMs)
  // Of the service it has a sentence; otherwise a proxy in front of it was given no response, or not in time.
  if (status >= 500 || status === 408) return new StudioError(message === '' ? 'offline' : 'interrupted', message)
  return new StudioError(message === '' ? 'protocol' : 'rejected', message)
}
