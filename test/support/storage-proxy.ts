import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { listenOnLoopback } from './fake-azure.ts'

/** What happens to one request to Blob Storage. */
export type StorageFault =
  | { status: number; code: string }
  /** The connection breaks after so many bytes of the request's body. */
  | { cutRequestAfter: number }
  /** The request is carried out, and the connection breaks before the response. */
  | 'lost response'
  /** The connection breaks after so many bytes of the response's body. */
  | { cutResponseAfter: number }
  /** `onDelay` is called when the request has arrived. */
  | { delayMs: number; onDelay?: () => void }

export interface StorageProxy {
  /** The address of a container through the proxy. */
  urlOf(container: string): string
  /** Called for every request; `undefined` forwards it. */
  fault: (request: IncomingMessage) => StorageFault | undefined
  /** `METHOD path?query` of every request. */
  readonly requests: string[]
}

/** Stands between the service and a real Azurite. */
export async function startStorageProxy(t: TestContext, azuriteUrl: string): Promise<StorageProxy> {
  const target = new URL(azuriteUrl)
  const requests: string[] = []
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    const { socket } = request
    handle(request, response, () => socket.destroy()).catch(() => socket.destroy())
  })
  const port = await listenOnLoopback(t, server)
  t.after(() => server.closeAllConnections())
  const proxy: StorageProxy = {
    urlOf: (container) => container.replace(target.host, `127.0.0.1:${port}`),
    fault: () => undefined,
    requests,
  }

  async function handle(request: IncomingMessage, response: ServerResponse, cut: () => void): Promise<void> {
    const fault = proxy.fault(request)
    if (typeof fault === 'object' && 'cutRequestAfter' in fault) {
      let bytes = 0
      for await (const chunk of request) {
        bytes += chunk.length
        if (bytes >= fault.cutRequestAfter) break
      }
      cut()
      return
    }
    const body = await buffer(request)
    if (typeof fault === 'object' && 'status' in fault) {
      response.writeHead(fault.status, { 'content-type': 'application/xml', 'x-ms-error-code': fault.code })
      const text = `<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>AZURE-TEXT</Message></Error>`
      response.end(request.method === 'HEAD' ? undefined : text)
      return
    }
    if (typeof fault === 'object' && 'delayMs' in fault) {
      fault.onDelay?.()
      await pause(fault.delayMs, undefined, { ref: false })
    }
    const { headers, status, content } = await forward(request, body)
    if (fault === 'lost response') {
      cut()
      return
    }
    response.writeHead(status, headers)
    if (typeof fault === 'object' && 'cutResponseAfter' in fault) {
      response.write(content.subarray(0, fault.cutResponseAfter), cut)
      return
    }
    response.end(content)
  }

  function forward(request: IncomingMessage, body: Buffer) {
    const { hostname, port: targetPort } = target
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number
      headers: http.IncomingHttpHeaders
      content: Buffer
    }>()
    const options = { hostname, port: targetPort, method: request.method, path: request.url, headers: request.headers }
    http
      .request(options, (received) => {
        buffer(received).then(
          (content) => resolve({ status: received.statusCode ?? 0, headers: received.headers, content }),
          reject,
        )
      })
      .on('error', reject)
      .end(body)
    return promise
  }

  return proxy
}
