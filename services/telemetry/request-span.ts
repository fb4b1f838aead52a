import type { IncomingHttpHeaders } from 'node:http'
import { namedMethods } from './http-methods.ts'
import type { Span, Trace } from './trace.ts'

export interface TracedRequest {
  method: string
  /** The pattern of the route; undefined: there is none. */
  route: string | undefined
  headers: IncomingHttpHeaders
  /** `performance.now()` */
  startedAt: number
  /** Whether the client decides if the trace that it sends is exported. */
  isTrusted: boolean
}

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span: a closed set of names, so no path and no query. */
export function startRequestSpan(root: Trace, { method, route, headers, startedAt, isTrusted }: TracedRequest): Span {
  const isKnown = namedMethods.has(method)
  const parent = root.join(headers, isTrusted) ?? root
  return parent.start([isKnown ? method : 'HTTP', route ?? ''].join(' ').trimEnd(), {
    kind: 'server',
    startedAt,
    facts: {
      'http.request.method': isKnown ? method : '_OTHER',
      ...(route === undefined ? {} : { 'http.route': route }),
    },
  })
}

/** @param status undefined: the client disconnected before the response */
export function endRequestSpan(span: Span, status: number | undefined): void {
  if (status === undefined) span.fail('client_disconnected')
  else {
    span.add({ 'http.response.status_code': status })
    if (status >= 500) span.fail(String(status))
  }
  span.end()
}
