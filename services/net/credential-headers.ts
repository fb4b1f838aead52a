import type { IncomingHttpHeaders } from 'node:http'

/** Headers in which callers send a key. `api-key` is what clients of Azure's own APIs send. */
const keyHeaders = ['x-api-key', 'api-key'] as const

/** All headers in which callers send a credential. */
export const credentialHeaders = ['authorization', ...keyHeaders] as const

/** The key that a caller sent, without the blanks around it; undefined if every such header is absent or blank. */
export function apiKeyIn(headers: IncomingHttpHeaders): string | undefined {
  for (const name of keyHeaders) {
    const header = headers[name]
    const key = (Array.isArray(header) ? header[0] : header)?.trim()
    if (key) return key
  }
  return undefined
}
