import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { type Issuer, startIssuer } from '../support/oauth-issuer.ts'

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
/** Seconds since 1970, read each time: a busy machine may be slower than a token lives. */
const now = () => Math.floor(Date.now() / 1000)
const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

async function setUp(t: TestContext) {
  const issuer = await startIssuer(t)
  const { app, logs } = await buildApp(t, issuer.environment)
  const claims = { iss: issuer.issuer, aud: 'image-editor', sub: 'mallory', exp: now() + 300 }
  async function status(token: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}` }
    const response = await app.inject({ method: 'POST', url: '/', payload: ping, headers })
    if (response.statusCode !== 200) {
      t.assert.equal(response.json().error.code, response.statusCode)
      t.assert.match(String(response.headers['www-authenticate']), /error="invalid_token"/)
    }
    t.assert.equal(logs.text.includes(token), false, 'a token is in the log')
    return response.statusCode
  }
  t.assert.equal(await status(await issuer.token()), 200)
  return { issuer, status, claims }
}

type Forgery = (issuer: Issuer, claims: object) => Promise<string> | string

/** Signs with the public key as a shared secret, which a careless library accepts. */
async function confuse(issuer: Issuer, claims: object, secret: (jwk: string) => string | Buffer): Promise<string> {
  const head = `${encode({ alg: 'HS256', typ: 'JWT', kid: 'key-1' })}.${encode(claims)}`
  return `${head}.${createHmac('sha256', secret(await issuer.publicKey()))
    .update(head)
    .digest('base64url')}`
}

function signedBy(header: object, claims: object): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const head = `${encode(header)}.${encode(claims)}`
  return `${head}.${sign('sha256', Buffer.from(head), privateKey).toString('base64url')}`
}

function embeddedKey(claims: object): string {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const head = `${encode({ alg: 'RS256', jwk: publicKey.export({ format: 'jwk' }) })}.${encode(claims)}`
  return `${head}.${sign('sha256', Buffer.from(head), privateKey).toString('base64url')}`
}

const forgeries: Record<string, Forgery> = {
  'alg none': (_issuer, claims) => `${encode({ alg: 'none' })}.${encode(claims)}.`,
  'alg None, in another case': (_issuer, claims) => `${encode({ alg: 'NonE' })}.${encode(claims)}.AA`,
  'no alg': (_issuer, claims) => `${encode({})}.${encode(claims)}.AA`,
  'HS256 with the public key as JWK': (issuer, claims) => confuse(issuer, claims, (jwk) => jwk),
  'HS256 with the public key as PEM': (issuer, claims) =>
    confuse(issuer, claims, (jwk) =>
      createPublicKey({ key: JSON.parse(jwk), format: 'jwk' }).export({ type: 'spki', format: 'pem' }),
    ),
  'HS256 with an empty secret': (issuer, claims) => confuse(issuer, claims, () => ''),
  'another key under the known id': (_issuer, claims) => signedBy({ alg: 'RS256', kid: 'key-1' }, claims),
  'another key without an id': (_issuer, claims) => signedBy({ alg: 'RS256' }, claims),
  'a key in its own header': (_issuer, claims) => embeddedKey(claims),
  'a key URL in its own header': (_issuer, claims) =>
    signedBy({ alg: 'RS256', kid: 'x', jku: 'http://127.0.0.1:9/keys' }, claims),
  'a certificate URL in its own header': (_issuer, claims) =>
    signedBy({ alg: 'RS256', x5u: 'http://127.0.0.1:9/cert' }, claims),
  'a certificate in its own header': (_issuer, claims) => signedBy({ alg: 'RS256', x5c: ['AAAA'] }, claims),
  'an unknown key id': (_issuer, claims) => signedBy({ alg: 'RS256', kid: 'never-published' }, claims),
  'a key id that is not a string': (_issuer, claims) => signedBy({ alg: 'RS256', kid: ['key-1'] }, claims),
  'an EC algorithm for the RSA key': (_issuer, claims) => signedBy({ alg: 'ES256', kid: 'key-1' }, claims),
  'another RSA algorithm than the key’s': (_issuer, claims) => signedBy({ alg: 'PS256', kid: 'key-1' }, claims),
  'a payload that is not encoded': (_issuer, claims) =>
    signedBy({ alg: 'RS256', kid: 'key-1', b64: false, crit: ['b64'] }, claims),
  'a path as key id': (_issuer, claims) => signedBy({ alg: 'RS256', kid: '../../../../dev/null' }, claims),
  'an unknown critical header': (_issuer, claims) => signedBy({ alg: 'RS256', crit: ['x'], x: 1 }, claims),
  'critical headers that are not a list': (_issuer, claims) =>
    signedBy({ alg: 'RS256', kid: 'key-1', crit: 'exp' }, claims),
  'an audience that only contains ours': (issuer) => issuer.token({ aud: 'image-editor-2' }),
  'wrong audience': (issuer) => issuer.token({ aud: 'another-service' }),
  'no audience': (issuer) => issuer.token({ aud: [] }),
  'wrong issuer': (issuer) => issuer.token({ iss: 'https://evil.example' }),
  'issuer with a trailing slash': (issuer) => issuer.token({ iss: `${issuer.issuer}/` }),
  expired: (issuer) => issuer.token({ exp: now() - 60 }),
  'not yet valid': (issuer) => issuer.token({ nbf: now() + 3600 }),
  'no expiry': async (issuer) => issuer.token(JSON.parse('{"exp":null}')),
  'expiry as text': (issuer) => issuer.token(JSON.parse('{"exp":"9999999999"}')),
  'no subject': (issuer) => issuer.token({ sub: '' }),
  'a subject of 10,000 characters': (issuer) => issuer.token({ sub: 'x'.repeat(10_000) }),
  'a changed payload': async (issuer, claims) => {
    const [header, , signature] = (await issuer.token()).split('.')
    return `${header}.${encode({ ...claims, sub: 'root' })}.${signature}`
  },
  'a cut signature': async (issuer) => (await issuer.token()).slice(0, -8),
  'a token of 1 MB': async (issuer) => issuer.token({ pad: 'x'.repeat(1_000_000) }),
  'dots only': () => '..',
  'a payload that is not JSON': () => `${encode({ alg: 'RS256', kid: 'key-1' })}.AAAA.AAAA`,
  'a header with a thousand levels': () =>
    `${Buffer.from('{"a":'.repeat(1000)).toString('base64url')}.${encode({})}.AAAA`,
}

describe('a forged token is rejected with 401', () => {
  for (const [what, forge] of Object.entries(forgeries)) {
    test(what, async (t: TestContext) => {
      const { issuer, status, claims } = await setUp(t)
      t.assert.equal(await status(await forge(issuer, claims)), 401)
    })
  }
})

test('a clock skew of some seconds is tolerated', async (t: TestContext) => {
  const { issuer, status } = await setUp(t)
  t.assert.equal(await status(await issuer.token({ nbf: now() + 10, exp: now() + 300 })), 200)
  t.assert.equal(await status(await issuer.token({ exp: now() - 5 })), 200)
})

test('an unknown algorithm causes no request to the issuer', async (t: TestContext) => {
  const { issuer, status, claims } = await setUp(t)
  const before = issuer.fetches
  for (const alg of ['none', 'HS256', 'HS512', 'RSA1_5', 'dir']) {
    await status(`${encode({ alg, kid: `k-${alg}` })}.${encode(claims)}.AAAA`)
  }
  t.assert.equal(issuer.fetches, before)
})
