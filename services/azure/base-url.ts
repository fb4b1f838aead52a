import { isAzureHost, isPortal } from './azure-hosts.ts'

export interface BaseUrl {
  /** What API paths are appended to. */
  baseUrl: string
  /** What was cut off, for a log line. */
  removed?: string
  /** Why the address cannot be used. */
  problem?: string
}

/** Paths of the APIs that the portal and examples show as part of an address, decoded and in lower case. */
const apiPaths: readonly RegExp[] = [
  /^openai(?:\/(?:models|responses|images\/generations(?::submit)?))?$/,
  /^openai\/v1(?:\/(?:images(?:\/(?:generations|edits|variations))?|models|responses|chat(?:\/completions)?))?$/,
  /^openai\/deployments(?:\/[^/]+(?:\/(?:images(?:\/(?:generations|edits|variations))?|chat\/completions))?)?$/,
  /^mai(?:\/v1(?:\/images(?:\/(?:generations|edits))?)?)?$/,
  /^providers\/blackforestlabs(?:\/v1(?:\/[^/]+)?)?$/,
]
const isApiPath = (path: string) => apiPaths.some((pattern) => pattern.test(path))
/** Its path, which may follow that of a gateway. */
const projectPath = /(?:^|\/)api\/projects(?:\/[^/]+)?$/

/**
 * The base of an operator's address, which is often copied with the path of an operation and its query. Any path of
 * Azure's own hosts is cut off, and of others the known paths of the APIs; the path of a gateway before them stays.
 *
 * @param address a valid URL
 */
export function readBaseUrl(address: string): BaseUrl {
  const url = new URL(address)
  const isAzure = isAzureHost(url.hostname)
  const segments = segmentsOf(url.pathname)
  const names = segments.map(({ text }) => decoded(text).toLowerCase())
  const found = names.findIndex((_name, at) => isApiPath(names.slice(at).join('/')))
  const apiStart = found === -1 ? names.length : found
  const from = isAzure ? 0 : apiStart
  if (isPortal(url.hostname)) {
    return { baseUrl: address, problem: "is the portal's address; use the endpoint that it shows for the resource" }
  }
  const isProject = isAzure && /^api\/projects(?:\/|$)/.test(names.join('/'))
  if (isProject || projectPath.test(names.slice(0, apiStart).join('/'))) {
    const resource = isAzure ? url.origin : 'https://your-endpoint.services.ai.azure.com'
    return { baseUrl: address, problem: `is the endpoint of a project; use that of its resource, ${resource}` }
  }
  const hasQuery = /[?#]/.test(address)
  const removed = [
    ...(from < names.length ? [`the path /${names.slice(from).join('/').slice(0, 200)}`] : []),
    ...(hasQuery ? ['the query'] : []),
  ].join(' and ')
  const baseUrl = url.origin + url.pathname.slice(0, segments[from - 1]?.end ?? 0)
  return removed === '' ? { baseUrl } : { baseUrl, removed }
}

/** The parts between slashes that are not empty, as written. @returns `end`: where each ends in the path */
function segmentsOf(path: string): { text: string; end: number }[] {
  const slashes = [...path.matchAll(/\/|%2f/gi)]
  return slashes
    .map(({ 0: slash, index }, place) => {
      const end = slashes[place + 1]?.index ?? path.length
      return { text: path.slice(index + slash.length, end), end }
    })
    .filter(({ text }) => text !== '')
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
