import type { IncomingHttpHeaders } from 'node:http'

/** Bytes that never change under one validator. */
export interface Representation {
  bytes: number
  /** With its quotes; `W/` before them if two versions may share it. */
  etag: string
  /** As an HTTP date. */
  lastModified: string
}

/** What a request gets of a representation: all of it, the bytes from `from` to before `to`, or none. */
export type ByteSelection =
  | { status: 200 | 206; from: number; to: number }
  | { status: 304 | 412 | 416; from?: never; to?: never }

/** One range of bytes: first and last, first alone, or the number of the last ones. */
const SINGLE_RANGE = /^bytes=(\d*)-(\d*)$/i

/**
 * Evaluates the conditions and the range of a `GET` or `HEAD`, in the order of RFC 9110. Of several ranges, and of what
 * cannot be read, it sends the whole, as a server may.
 * https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2, https://www.rfc-editor.org/rfc/rfc9110#section-14.2
 */
export function selectBytes(
  { method, headers }: { method: string; headers: IncomingHttpHeaders },
  { bytes, etag, lastModified }: Representation,
): ByteSelection {
  if (failsPrecondition(headers, etag, lastModified)) return { status: 412 }
  if (isFresh(headers, etag, lastModified)) return { status: 304 }
  const whole: ByteSelection = { status: 200, from: 0, to: bytes }
  // For other methods no range is defined.
  if (method !== 'GET' || !allowsRange(headers['if-range'], etag, lastModified)) return whole
  return readRange(headers.range, bytes) ?? whole
}

function failsPrecondition(headers: IncomingHttpHeaders, etag: string, lastModified: string): boolean {
  const match = headers['if-match']
  if (match !== undefined) return etag.startsWith('W/') || !listsTag(match, (tag) => tag === etag)
  const since = Date.parse(headers['if-unmodified-since'] ?? '')
  return Date.parse(lastModified) > since
}

function isFresh(headers: IncomingHttpHeaders, etag: string, lastModified: string): boolean {
  const noneMatch = headers['if-none-match']
  if (noneMatch !== undefined) return hasCurrent(noneMatch, etag)
  return Date.parse(lastModified) <= Date.parse(headers['if-modified-since'] ?? '')
}

/** Whether a client already has what has this tag. @param noneMatch its header `If-None-Match` */
export function hasCurrent(noneMatch: string, etag: string): boolean {
  return listsTag(noneMatch, (tag) => withoutWeakness(tag) === withoutWeakness(etag))
}

function listsTag(list: string, matches: (tag: string) => boolean): boolean {
  return list.split(',').some((entry) => entry.trim() === '*' || matches(entry.trim()))
}

function withoutWeakness(etag: string): string {
  return etag.replace(/^W\//, '')
}

/** The rest of what the client has of an earlier version must not be appended to it. */
function allowsRange(condition: string | string[] | undefined, etag: string, lastModified: string): boolean {
  if (condition === undefined) return true
  return condition === lastModified || (condition === etag && !etag.startsWith('W/'))
}

/** Undefined: there is no range, or none that this service sends. */
function readRange(header: string | undefined, bytes: number): ByteSelection | undefined {
  const [, first, last] = SINGLE_RANGE.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  // A suffix that is longer than the whole is the whole.
  const from = first === '' ? Math.max(0, bytes - Number(last)) : Number(first)
  const to = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  return from < to && from < bytes ? { status: 206, from, to } : { status: 416 }
}
