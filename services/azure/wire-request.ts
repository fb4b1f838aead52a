import type { Operation } from './images-client.ts'
import type { RequestBody } from './transport.ts'

/** A request in a dialect's words, without credentials. */
export interface WireRequest {
  operation: Operation
  url: URL
  headers: Readonly<Record<string, string>>
  /** Makes the body anew for each try, since a stream can be sent once. */
  body(): RequestBody
}

/**
 * Joins a base URL, which may carry a path and a trailing slash, with a path of the API.
 *
 * @param segments percent-encoded here, so that a deployment's name can't leave its place
 * @throws TypeError for a dot segment, which no encoding keeps from climbing
 */
export function apiUrl(baseUrl: string, segments: readonly string[], apiVersion?: string): URL {
  if (segments.some((segment) => /^\.{1,2}$/.test(segment))) throw new TypeError('a name must not be "." or ".."')
  const url = new URL(baseUrl)
  const base = url.pathname.replace(/\/+$/, '')
  url.pathname = [base, ...segments.map((segment) => encodeURIComponent(segment))].join('/')
  if (apiVersion !== undefined) url.searchParams.set('api-version', apiVersion)
  return url
}

/** A JSON body and its header. */
export function jsonRequest(operation: Operation, url: URL, fields: Readonly<Record<string, unknown>>): WireRequest {
  const bytes = Buffer.from(JSON.stringify(fields))
  return { operation, url, headers: { 'content-type': 'application/json' }, body: () => bytes }
}
