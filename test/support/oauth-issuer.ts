import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

/** A token issuer with metadata, rotatable keys and tokens with any claims. */
export interface Issuer {
  issuer: string
  /** Environment of a service that accepts its tokens. */
  environment: Record<string, string>
  /** Number of fetches of the keys. */
  fetches: number
  /** Whether it responds at all. */
  isUp: boolean
  /** Replaces its key, which signs later tokens. */
  rotate(): Promise<void>
  /** A token that is valid unless `claims` or `header` change that. */
  token(claims?: JWTPayload, header?: { alg?: string; kid?: string; typ?: string }): Promise<string>
  /** The public key as JWK text. */
  publicKey(): Promise<string>
}

export async function startIssuer(t: TestContext, audience = 'image-editor'): Promise<Issuer> {
  let pair = await generateKeyPair('RS256', { extractable: true })
  let kid = 'key-1'
  const server = createServer(async (request, response) => {
    if (!self.isUp) {
      response.destroy()
      return
    }
    const isKeys = request.url === '/tenant/keys'
    if (isKeys) self.fetches++
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify(
        isKeys
          ? { keys: [{ ...(await exportJWK(pair.publicKey)), kid, alg: 'RS256', use: 'sig' }] }
          : { issuer: self.issuer, jwks_uri: `${self.issuer}/keys` },
      ),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tenant`
  const self: Issuer = {
    issuer,
    environment: { OAUTH_ISSUER: issuer, OAUTH_AUDIENCE: audience, PUBLIC_URL: 'https://images.example.com' },
    fetches: 0,
    isUp: true,
    async rotate() {
      pair = await generateKeyPair('RS256', { extractable: true })
      kid = `${kid}+`
    },
    token: (claims = {}, header = {}) => {
      const now = Math.floor(Date.now() / 1000)
      const payload = { iss: issuer, aud: audience, sub: 'alice', iat: now, exp: now + 300, ...claims }
      return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid, ...header }).sign(pair.privateKey)
    },
    publicKey: async () => JSON.stringify(await exportJWK(pair.publicKey)),
  }
  return self
}
