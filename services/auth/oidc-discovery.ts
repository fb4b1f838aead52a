import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { ReportedError } from '../errors/errors.ts'
import type { HttpClient } from '../net/http-client.ts'
import { isSecureUrl } from '../net/secure-url.ts'

const MAX_DOCUMENT_BYTES = 1_048_576
const TIMEOUT_MS = 5_000

/** https://www.rfc-editor.org/rfc/rfc8414#section-2 */
const metadata = Compile(Type.Object({ issuer: Type.String(), jwks_uri: Type.String() }))

export interface IssuerOptions {
  issuer: string
  /** Where the keys are; asked from the issuer's metadata when absent. */
  jwksUrl?: string | undefined
  connections: HttpClient
}

/**
 * Returns a function that fetches the issuer's signing keys, which first finds out where they are: by OpenID Connect
 * Discovery, then by RFC 8414. Bounded in bytes and time; redirects are not followed.
 */
export function createIssuer({ issuer, jwksUrl, connections }: IssuerOptions): () => Promise<unknown> {
  let known = jwksUrl

  async function findKeys(): Promise<string> {
    const base = issuer.replace(/\/$/, '')
    const { origin, pathname } = new URL(base)
    const places = [
      `${base}/.well-known/openid-configuration`,
      `${origin}/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname}`,
    ]
    for (const place of places) {
      const found = await fetchJson(place, connections)
      if (!metadata.Check(found)) continue
      if (found.issuer !== issuer) throw new ReportedError('the metadata is of another issuer than OAUTH_ISSUER')
      if (!isSecureUrl(found.jwks_uri)) throw new ReportedError('the metadata names a key address that is not https')
      return found.jwks_uri
    }
    throw new ReportedError('the issuer publishes no metadata with a jwks_uri')
  }

  return async function fetchKeys() {
    known ??= await findKeys()
    const keys = await fetchJson(known, connections)
    if (keys === undefined) throw new ReportedError('the issuer does not publish its keys')
    return keys
  }
}

/** Undefined if there is no such document. */
async function fetchJson(url: string, connections: HttpClient): Promise<unknown> {
  const { origin, pathname, search } = new URL(url)
  const dispatcher = await connections.get()
  const { statusCode, body } = await dispatcher.request({
    origin,
    path: pathname + search,
    method: 'GET',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if (statusCode !== 200) {
    await body.dump()
    if (statusCode === 404) return undefined
    throw new ReportedError(`the issuer answered ${statusCode}`)
  }
  let size = 0
  const chunks: Buffer[] = []
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > MAX_DOCUMENT_BYTES) throw new ReportedError('the issuer answered with too much')
    chunks.push(bytes)
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}
