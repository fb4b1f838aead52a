import { memoize } from '../../services/net/memoize.ts'

/** Which kinds of response a caller takes. */
export interface Accepted {
  json: boolean
  /** Only if named: a caller that takes anything may not know what to do with an event stream. */
  stream: boolean
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1 */
export function readAccept(header: string | undefined): Accepted {
  if (header === undefined || header.trim() === '') return { json: true, stream: false }
  return readRanges(header)
}

const readRanges = memoize((header): Accepted => {
  const ranges = header
    .split(',')
    .filter((range) => range.trim() !== '')
    .map(readRange)
  if (ranges.length === 0) return { json: true, stream: false }
  const accepts = (...names: string[]) => {
    // The most specific range decides, so that `*/*, application/json;q=0` rejects JSON.
    const range = names.map((name) => ranges.find(({ type }) => type === name)).find((found) => found !== undefined)
    return range !== undefined && range.weight > 0
  }
  return { json: accepts('application/json', 'application/*', '*/*'), stream: accepts('text/event-stream') }
})

function readRange(range: string) {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  return { type, weight: weight === undefined ? 1 : Number(weight) || 0 }
}
