import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { ReportedError } from '../errors/app-error.ts'
import type { HttpClient } from '../net/http-client.ts'
import { isSecureUrl } from '../net/secure-url.ts'

const MAX_DOCUMENT_BYTES = 1_048_576
const TIMEOUT_MS = 5_000

/** https://www.rfc-editor.org/rfc/rfc8414#section-2 */
const metadata = Compile(Type.Object({ issuer: Type.String(), jwks_uri: Type.String() }))
/** https://www.rfc-editor.org/rfc/rfc7517#section-5 */
const keySet = Compile(Type.Object({ keys: Type.Array(Type.Object({})) }))

export interface KeyFetcherOptions {
  issuer: string
  /** Absent: discovered from the issuer's metadata. */
  jwksUrl?: string | undefined
  client: HttpClient
}

/**
 * Returns a function that fetches the issuer's signing keys. Their URL is discovered by OpenID Connect Discovery, then by
 * RFC 8414. Bounded in bytes and time; redirects are not followed. @throws ReportedError
 */
export function createKeyFetcher({ issuer, jwksUrl, client }: KeyFetcherOptions): () => Promise<object> {
  let knownUrl = jwksUrl

  async function discover(): Promise<string> {
    const base = issuer.replace(/\/$/, '')
    const { origin, pathname } = new URL(base)
    const urls = [
      `${base}/.well-known/openid-configuration`,
      `${origin}/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname}`,
    ]
    for (const url of urls) {
      const found = await fetchJson(url, client)
      if (!metadata.Check(found)) continue
      if (found.issuer !== issuer) throw new ReportedError('the metadata is of another issuer than OAUTH_ISSUER')
      if (!isSecureUrl(found.jwks_uri)) throw new ReportedError('the jwks_uri of the metadata is not https')
      return found.jwks_uri
    }
    throw new ReportedError('the issuer publishes no metadata with a jwks_uri')
  }

  return async function fetchKeys() {
    knownUrl ??= await discover()
    const keys = await fetchJson(knownUrl, client)
    if (!keySet.Check(keys)) throw new ReportedError('the issuer publishes no JSON Web Key Set')
    return keys
  }
}

/** Undefined if the document does not exist. */
async function fetchJson(url: string, client: HttpClient): Promise<unknown> {
  const { origin, pathname, search } = new URL(url)
  const dispatcher = await client.get()
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
    throw new ReportedError(`the issuer responded with status ${statusCode}`)
  }
  let size = 0
  const chunks: Buffer[] = []
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > MAX_DOCUMENT_BYTES)
      throw new ReportedError(`the issuer's document is larger than ${MAX_DOCUMENT_BYTES} bytes`)
    chunks.push(bytes)
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}
