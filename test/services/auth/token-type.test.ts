import { describe, type TestContext, test } from 'node:test'
import { isAccessToken } from '../../../services/auth/token-type.ts'
import { buildApp } from '../../support/app.ts'
import { startIssuer } from '../../support/oauth-issuer.ts'

const entra = { tid: 'a-tenant', ver: '2.0', oid: 'an-object', uti: 'an-id', rh: '0.x' }

describe('accepts access tokens', () => {
  for (const [name, typ, claims] of [
    ['of RFC 9068', 'at+jwt', { client_id: 'c', scope: 'images.make' }],
    ['with the long type', 'application/at+jwt', { client_id: 'c' }],
    ['of another spelling', 'AT+JWT', {}],
    ['of Entra for a user', 'JWT', { ...entra, azp: 'c', azpacr: '0', scp: 'images.make', name: 'Ann' }],
    ['of Entra for an application without roles', 'JWT', { ...entra, azp: 'c', azpacr: '1' }],
    ['of Entra, version 1', 'JWT', { ...entra, ver: '1.0', appid: 'c', appidacr: '1', upn: 'ann@example.com' }],
    ['of Okta', undefined, { cid: 'c', scp: ['images.make'], uid: 'u' }],
    ['of Auth0', 'JWT', { azp: 'c', gty: 'client-credentials' }],
    ['of Keycloak', 'JWT', { typ: 'Bearer', azp: 'c', scope: 'openid', sid: 's', acr: '1' }],
    ['of old versions of Keycloak', 'JWT', { typ: 'Bearer', azp: 'c', scope: 'openid', nonce: 'n' }],
    ['of Cognito', undefined, { token_use: 'access', client_id: 'c', scope: 'openid' }],
    ['of issuers that write the required claims only', undefined, {}],
  ] as const) {
    test(name, (t: TestContext) => t.assert.equal(isAccessToken(typ, claims), true))
  }
})

describe('rejects', () => {
  for (const [name, typ, claims] of [
    ['ID tokens of Entra', 'JWT', { ...entra, nonce: 'n', name: 'Ann', preferred_username: 'ann@example.com' }],
    ['ID tokens of Entra without nonce and profile', 'JWT', entra],
    ['ID tokens of Entra with roles', 'JWT', { ...entra, roles: ['images.make'] }],
    ['ID tokens of the hybrid flow', 'JWT', { c_hash: 'h', azp: 'c' }],
    ['ID tokens of Google', 'JWT', { azp: 'c', at_hash: 'h', email: 'ann@example.com' }],
    ['ID tokens of Keycloak', 'JWT', { typ: 'ID', azp: 'c', nonce: 'n', at_hash: 'h' }],
    ['ID tokens of Cognito', undefined, { token_use: 'id', 'cognito:username': 'ann' }],
    ['ID tokens with a nonce, of any client', undefined, { azp: 'c', nonce: 'n' }],
    ['refresh tokens of Keycloak', 'JWT', { typ: 'Refresh', azp: 'c', scope: 'openid' }],
    ['logout tokens', 'logout+jwt', { events: {}, client_id: 'c' }],
    ['logout tokens without a type', 'JWT', { events: {}, client_id: 'c' }],
    ['DPoP proofs', 'dpop+jwt', { client_id: 'c' }],
    ['security events', 'secevent+jwt', { client_id: 'c' }],
    ['assertions of clients', 'client-authentication+jwt', { client_id: 'c' }],
    ['types that are no text', 7, { client_id: 'c' }],
    ['uses that are no text', 'JWT', { token_use: 7, client_id: 'c' }],
  ] as const) {
    test(name, (t: TestContext) => t.assert.equal(isAccessToken(typ, claims), false))
  }
})

test('an ID token is rejected with 401 even if no scope is required', async (t: TestContext) => {
  const issuer = await startIssuer(t)
  const { app } = await buildApp(t, issuer.environment)
  const call = async (token: string) =>
    await app.inject({
      method: 'POST',
      url: '/',
      payload: { jsonrpc: '2.0', id: 1, method: 'ping' },
      headers: { authorization: `Bearer ${token}` },
    })
  const rejected = await call(await issuer.token({ nonce: 'n', name: 'Ann' }, { typ: 'JWT' }))
  t.assert.equal(rejected.statusCode, 401)
  t.assert.match(rejected.json().error.message, /no access token/)
  t.assert.match(String(rejected.headers['www-authenticate']), /error="invalid_token"/)
  t.assert.equal((await call(await issuer.token({ client_id: 'c' }, { typ: 'at+jwt' }))).statusCode, 200)
})

test('a subject with half a surrogate pair is rejected', async (t: TestContext) => {
  const issuer = await startIssuer(t)
  const { app } = await buildApp(t, issuer.environment)
  const headers = { authorization: `Bearer ${await issuer.token({ sub: 'ann\ud800' })}` }
  const payload = { jsonrpc: '2.0', id: 1, method: 'ping' }
  t.assert.equal((await app.inject({ method: 'POST', url: '/', payload, headers })).statusCode, 401)
})
