import { isObject, type JsonObject, objectOf, textOf } from './json.ts'
import { StudioError } from './studio-error.ts'

/** JSON-RPC 2.0 between the studio and its host. */

/** One end of `postMessage`. */
export interface Port {
  post(message: JsonObject): void
  /** Only messages of the other end. */
  listen(receive: (message: unknown) => void): void
}

export interface Channel {
  /** @throws StudioError `rejected` with the other end's message, `offline` after the time, `aborted` */
  request(
    method: string,
    params: JsonObject,
    options?: { signal?: AbortSignal | undefined; timeoutMs?: number },
  ): Promise<JsonObject>
  notify(method: string, params: JsonObject): void
  onNotification(method: string, listener: (params: JsonObject) => void): void
  /** What the listener resolves to is the result. */
  onRequest(method: string, listener: (params: JsonObject) => Promise<JsonObject>): void
}

interface OpenRequest {
  resolve(result: JsonObject): void
  reject(error: StudioError): void
}

const DEFAULT_TIMEOUT_MS = 60_000
/** https://www.jsonrpc.org/specification#error_object */
const METHOD_NOT_FOUND = -32601
const INTERNAL_ERROR = -32603

export function createChannel(port: Port): Channel {
  const open = new Map<number, OpenRequest>()
  const notifications = new Map<string, (params: JsonObject) => void>()
  const requests = new Map<string, (params: JsonObject) => Promise<JsonObject>>()
  let lastId = 0

  const post = (message: JsonObject) => port.post({ jsonrpc: '2.0', ...message })

  async function respond(id: unknown, method: string, params: JsonObject): Promise<void> {
    const listener = requests.get(method)
    if (listener === undefined) return post({ id, error: { code: METHOD_NOT_FOUND, message: 'Method not found' } })
    try {
      post({ id, result: await listener(params) })
    } catch {
      post({ id, error: { code: INTERNAL_ERROR, message: 'Internal error' } })
    }
  }

  function settle(message: JsonObject): void {
    if (typeof message.id !== 'number') return
    const request = open.get(message.id)
    if (isObject(message.error)) request?.reject(new StudioError('rejected', textOf(message.error.message)))
    else request?.resolve(objectOf(message.result))
  }

  port.listen((message) => {
    if (!isObject(message) || message.jsonrpc !== '2.0') return
    const method = textOf(message.method)
    if (method === undefined) return settle(message)
    const params = objectOf(message.params)
    if (message.id === undefined) notifications.get(method)?.(params)
    else void respond(message.id, method, params)
  })

  return {
    request(method, params, { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
      const id = ++lastId
      const { promise, resolve, reject } = Promise.withResolvers<JsonObject>()
      const onAbort = () => reject(new StudioError('aborted'))
      if (signal?.aborted === true) onAbort()
      else signal?.addEventListener('abort', onAbort)
      const timer = setTimeout(() => reject(new StudioError('offline')), timeoutMs)
      open.set(id, { resolve, reject })
      if (signal?.aborted !== true) post({ id, method, params })
      return promise.finally(() => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        open.delete(id)
      })
    },
    notify: (method, params) => post({ method, params }),
    onNotification: (method, listener) => void notifications.set(method, listener),
    onRequest: (method, listener) => void requests.set(method, listener),
  }
}
