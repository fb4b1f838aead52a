import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { fixtureCatalog } from '../support/fixture-catalog.ts'
import { startIssuer } from '../support/oauth-issuer.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const ping = { jsonrpc: '2.0', id: 7, method: 'ping' }
const keys = { MCP_API_KEYS: 'alice:a-key-of-alice-0001,bob:a-key-of-bob-000002' }
const build = (t: TestContext, environment: Record<string, string>) =>
  buildApp(t, environment, { extendCatalog: () => fixtureCatalog })

type App = Awaited<ReturnType<typeof buildApp>>['app']
const call = (app: App, headers: Record<string, string> = {}, url = '/') =>
  app.inject({ method: 'POST', url, payload: ping, headers })

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('API keys', () => {
  for (const [what, headers] of [
    ['a bearer', { authorization: 'Bearer a-key-of-alice-0001' }],
    ['a bearer in lower case', { authorization: 'bearer   a-key-of-alice-0001 ' }],
    ['X-API-Key', { 'x-api-key': 'a-key-of-bob-000002' }],
    ['api-key', { 'api-key': 'a-key-of-bob-000002' }],
    ['api-key beside a blank X-API-Key', { 'api-key': ' a-key-of-bob-000002 ', 'x-api-key': ' ' }],
    ['X-API-Key beside Basic for a proxy', { 'x-api-key': 'a-key-of-bob-000002', authorization: 'Basic eDp5' }],
  ] as const) {
    test(`are accepted as ${what}`, async (t: TestContext) => {
      const { app } = await build(t, keys)
      const response = await call(app, headers)
      t.assert.equal(response.statusCode, 200, response.body)
    })
  }

  for (const [what, headers] of [
    ['nothing', {}],
    ['an invalid key', { authorization: 'Bearer wrong' }],
    ['an empty bearer', { authorization: 'Bearer ' }],
    ['Basic', { authorization: 'Basic YWxpY2U6YS1rZXktb2YtYWxpY2UtMDAwMQ==' }],
    ['an invalid api-key', { 'api-key': 'wrong' }],
    ['an empty api-key', { 'api-key': '' }],
    ['a valid api-key beside an invalid X-API-Key', { 'x-api-key': 'wrong', 'api-key': 'a-key-of-bob-000002' }],
    ['a valid key beside an invalid bearer', { authorization: 'Bearer wrong', 'x-api-key': 'a-key-of-bob-000002' }],
    ['a token, since OAuth is off', { authorization: 'Bearer a.b.c' }],
  ] as const) {
    test(`are required, not ${what}: 401 in the envelope, with WWW-Authenticate`, async (t: TestContext) => {
      const { app } = await build(t, keys)
      for (const url of ['/', '/mcp']) {
        const response = await call(app, headers, url)
        t.assert.equal(response.statusCode, 401)
        t.assert.match(String(response.headers['www-authenticate']), /^Bearer realm="azure-image-editor-mcp"/)
        t.assert.partialDeepStrictEqual(response.json(), { jsonrpc: '2.0', error: { code: 401 } })
      }
    })
  }

  test('are not in log lines nor in what --check prints', async (t: TestContext) => {
    const { app, logs } = await build(t, { ...keys, LOG_LEVEL: 'trace' })
    await call(app, { authorization: 'Bearer a-key-of-alice-0001' })
    await call(app, { 'x-api-key': 'a-wrong-key-here' })
    await call(app, { 'api-key': 'a-wrong-key-here' })
    const { headers } = await call(app, { 'api-key': 'a-key-of-bob-000002', 'x-request-id': 'a-key-of-bob-000002' })
    t.assert.notEqual(headers['x-request-id'], 'a-key-of-bob-000002')
    t.assert.doesNotMatch(logs.text, /a-key-of|a-wrong-key/)
    t.assert.doesNotMatch(JSON.stringify(app.config), /a-key-of/)
    t.assert.ok(logs.entries.some(({ caller }) => caller === 'key:alice'))
  })

  test('follow MCP_API_KEYS_FILE', async (t: TestContext) => {
    const path = join(await temporaryFolder(t), 'keys')
    await writeFile(path, 'alice:a-key-of-alice-0001\n')
    const { app, logs } = await build(t, { MCP_API_KEYS_FILE: path })
    t.assert.equal((await call(app, { 'x-api-key': 'a-key-of-alice-0001' })).statusCode, 200)
    await writeFile(path, 'bob:a-longer-key-of-bob-2\ncarl:short\n')
    await waitFor('the key file to be reloaded', () => logs.text.includes('key file reloaded'))
    t.assert.equal((await call(app, { 'x-api-key': 'a-key-of-alice-0001' })).statusCode, 401)
    t.assert.equal((await call(app, { 'x-api-key': 'a-longer-key-of-bob-2' })).statusCode, 200)
    t.assert.ok(
      logs.entries.some(({ name, msg }) => name === 'carl' && msg === 'api key is shorter than 16 characters'),
    )
  })

  test('are not required for health, readiness and the home page', async (t: TestContext) => {
    const { app } = await build(t, keys)
    for (const url of ['/health', '/ready', '/']) t.assert.equal((await app.inject(url)).statusCode, 200)
  })
})

describe('without authentication', () => {
  const warning = 'no authentication: every client'

  test('every client may call on a local bind, without a warning', async (t: TestContext) => {
    const { app, logs } = await build(t, {})
    t.assert.equal((await call(app)).statusCode, 200)
    t.assert.equal(logs.text.includes(warning), false)
  })

  test('any other bind logs a warning', async (t: TestContext) => {
    const { app, logs } = await build(t, { MCP_SERVER_HOST: '0.0.0.0' })
    t.assert.equal((await call(app)).statusCode, 200)
    t.assert.equal(logs.text.includes(warning), true)
  })

  test('REQUIRE_AUTH=true prevents the start', async (t: TestContext) => {
    await t.assert.rejects(build(t, { REQUIRE_AUTH: 'true' }), /REQUIRE_AUTH: is true, but neither/)
    await build(t, { REQUIRE_AUTH: 'true', ...keys })
  })
})

describe('configuration of authentication', () => {
  for (const [problem, environment] of [
    [/MCP_API_KEYS: has in entry 1 no name/, { MCP_API_KEYS: 'only-a-key' }],
    [/MCP_API_KEYS_FILE: names a file that cannot be read/, { MCP_API_KEYS_FILE: '/nowhere/at/all' }],
    [
      /OAUTH_AUDIENCE: is required with OAUTH_ISSUER/,
      { OAUTH_ISSUER: 'https://issuer.example', PUBLIC_URL: 'https://a.example' },
    ],
    [/PUBLIC_URL: is required with OAUTH_ISSUER/, { OAUTH_ISSUER: 'https://issuer.example', OAUTH_AUDIENCE: 'a' }],
    [/OAUTH_ISSUER: is required with/, { OAUTH_AUDIENCE: 'a' }],
    [
      /OAUTH_ISSUER: is not an https URL/,
      { OAUTH_ISSUER: 'http://issuer.example', OAUTH_AUDIENCE: 'a', PUBLIC_URL: 'https://a.example' },
    ],
  ] as const) {
    test(`names ${problem.source.split(':')[0]} when it is invalid`, async (t: TestContext) => {
      await t.assert.rejects(build(t, environment), (error: Error) => {
        t.assert.match(error.message, problem)
        t.assert.doesNotMatch(error.message, /only-a-key/)
        return true
      })
    })
  }
})

describe('access tokens', () => {
  test('are accepted when they are valid', async (t: TestContext) => {
    const issuer = await startIssuer(t)
    const { app, logs } = await build(t, issuer.environment)
    t.assert.equal((await call(app, bearer(await issuer.token()))).statusCode, 200)
    t.assert.ok(logs.entries.some(({ caller }) => caller === `subject:${issuer.issuer}#alice`))
  })

  test('do not appear in the log with their claims when they are rejected', async (t: TestContext) => {
    const issuer = await startIssuer(t)
    const { app, logs } = await build(t, { ...issuer.environment, LOG_LEVEL: 'trace' })
    const token = await issuer.token({ exp: 1, email: 'alice@private.example' })
    t.assert.equal((await call(app, bearer(token))).statusCode, 401)
    t.assert.ok(logs.entries.some(({ msg, cause }) => msg === 'caller rejected' && cause === 'ERR_JWT_EXPIRED'))
    t.assert.doesNotMatch(logs.text, /private\.example/)
  })

  test('are still accepted while the issuer is unreachable', async (t: TestContext) => {
    const issuer = await startIssuer(t)
    const { app } = await build(t, issuer.environment)
    t.assert.equal((await call(app, bearer(await issuer.token()))).statusCode, 200)
    issuer.isUp = false
    t.assert.equal((await call(app, bearer(await issuer.token({ sub: 'bob' })))).statusCode, 200)
  })

  test('get 503 with Retry-After if the signing keys were never fetched', async (t: TestContext) => {
    const issuer = await startIssuer(t)
    issuer.isUp = false
    const { app } = await build(t, issuer.environment)
    const response = await call(app, bearer(await issuer.token()))
    t.assert.equal(response.statusCode, 503)
    t.assert.equal(response.headers['retry-after'], '30')
    t.assert.equal(response.json().error.code, 503)
  })

  test('are accepted beside API keys', async (t: TestContext) => {
    const issuer = await startIssuer(t)
    const { app } = await build(t, { ...issuer.environment, ...keys })
    t.assert.equal((await call(app, bearer(await issuer.token()))).statusCode, 200)
    t.assert.equal((await call(app, bearer('a-key-of-alice-0001'))).statusCode, 200)
    t.assert.equal((await call(app, bearer('a.b.c'))).statusCode, 401)
    // Only a bearer is treated as a token.
    const dotted = await build(t, { ...issuer.environment, MCP_API_KEYS: 'alice:a-key.of-alice.0001' })
    t.assert.equal((await call(dotted.app, { 'x-api-key': 'a-key.of-alice.0001' })).statusCode, 200)
    t.assert.equal((await call(dotted.app, { 'x-api-key': await issuer.token() })).statusCode, 401)
  })

  for (const [url, suffix] of [
    ['/', ''],
    ['/mcp', '/mcp'],
  ] as const) {
    test(`are requested at ${url} with the URL of the metadata, which names ${url} and the issuer`, async (t: TestContext) => {
      const issuer = await startIssuer(t)
      const { app } = await build(t, { ...issuer.environment, OAUTH_REQUIRED_SCOPES: 'images.make' })
      const response = await call(app, {}, url)
      const place = `/.well-known/oauth-protected-resource${suffix}`
      t.assert.equal(
        response.headers['www-authenticate'],
        `Bearer realm="azure-image-editor-mcp", scope="images.make", resource_metadata="https://images.example.com${place}"`,
      )
      t.assert.deepEqual((await app.inject(place)).json(), {
        resource: `https://images.example.com${suffix}`,
        resource_name: 'Azure Image Editor',
        authorization_servers: [issuer.issuer],
        bearer_methods_supported: ['header'],
        scopes_supported: ['images.make'],
      })
    })
  }

  for (const [what, required, claims, status] of [
    ['by scope', 'images.make', { scope: 'openid images.make' }, 200],
    ['by scp', 'images.make', { scp: 'images.make' }, 200],
    ['by roles', 'images.make', { roles: ['images.make'] }, 200],
    ['by Entra’s short form', 'api://image-editor/images.make', { scp: 'images.make' }, 200],
    ['by the short form of the address', 'https://images.example.com/mcp/images.make', { scp: 'images.make' }, 200],
    ['by a role of that address', 'https://images.example.com/mcp/images.make', { roles: ['images.make'] }, 200],
    ['not by that of another address', 'https://other.example.com/mcp/images.make', { scp: 'images.make' }, 403],
    ['not by the short form of another resource', 'api://other/images.make', { scp: 'images.make' }, 403],
    ['not by a part of a name', 'images.make', { scope: 'images.makers' }, 403],
    ['not by one of two', 'a,b', { scope: 'a' }, 403],
    ['not by a scope of the wrong type', 'a', { scope: { a: true } }, 403],
  ] as const) {
    test(`are granted scopes ${what}`, async (t: TestContext) => {
      const issuer = await startIssuer(t)
      const { app } = await build(t, { ...issuer.environment, OAUTH_REQUIRED_SCOPES: required })
      const response = await call(app, bearer(await issuer.token(claims)))
      t.assert.equal(response.statusCode, status)
      if (status === 200) return
      t.assert.equal(response.json().error.code, 403)
      t.assert.match(String(response.headers['www-authenticate']), /error="insufficient_scope".*scope="/)
    })
  }
})

/** As Microsoft documents them: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference */
describe('tokens of Entra', () => {
  const client = '6e74172b-be56-4843-9ff4-e66a39bb12e3'
  const scope = 'https://images.example.com/mcp/images.make'
  /** Version 2: the audience is the client ID, whatever the Application ID URI. */
  const delegated = {
    aud: client,
    ver: '2.0',
    tid: '72f988bf-86f1-41af-91ab-2d7cd011db47',
    azp: 'aebc6443-996d-45c2-90f0-388ff96faa56',
    azpacr: '0',
    name: 'Ann',
    preferred_username: 'ann@example.com',
    scp: 'images.make',
  }
  const { scp: _, name: _name, preferred_username: _user, ...app } = delegated

  for (const [what, claims, status] of [
    ['of a user', delegated, 200],
    ['of a program with the role', { ...app, idtyp: 'app', roles: ['images.make'] }, 200],
    ['of a program without the role', { ...app, idtyp: 'app' }, 403],
    ['of a user without consent', { ...delegated, scp: 'openid' }, 403],
    ['for another API', { ...delegated, aud: '00000003-0000-0000-c000-000000000000' }, 401],
    [
      'of version 1',
      { ...delegated, ver: '1.0', iss: 'https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/' },
      401,
    ],
  ] as const) {
    test(`${what}: ${status}`, async (t: TestContext) => {
      const issuer = await startIssuer(t, client)
      const { app } = await build(t, { ...issuer.environment, OAUTH_REQUIRED_SCOPES: scope })
      const response = await call(app, bearer(await issuer.token(claims, { typ: 'JWT' })), '/mcp')
      t.assert.equal(response.statusCode, status)
    })
  }

  test('are requested for the address of the service, which is the Application ID URI', async (t: TestContext) => {
    const issuer = await startIssuer(t, client)
    const { app } = await build(t, { ...issuer.environment, OAUTH_REQUIRED_SCOPES: scope })
    const { resource, scopes_supported } = (await app.inject('/.well-known/oauth-protected-resource/mcp')).json()
    t.assert.equal(resource, 'https://images.example.com/mcp')
    // Entra demands that the one begins with the other: AADSTS9010010.
    t.assert.deepEqual(scopes_supported, [`${resource}/images.make`])
  })
})

describe('invalid keys and tokens from one address', () => {
  const limited = { ...keys, FAILED_LOGINS_PER_MINUTE: '3' }
  const wrong = { 'x-api-key': 'a-wrong-key-here' }
  const from = (app: App, remoteAddress: string, headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/', payload: ping, headers, remoteAddress })

  async function failThrice(t: TestContext, app: App, remoteAddress = '127.0.0.1') {
    for (let n = 0; n < 3; n++) t.assert.equal((await from(app, remoteAddress, wrong)).statusCode, 401)
  }

  test('get 429 with Retry-After in the envelope after too many, and valid ones are still accepted', async (t: TestContext) => {
    const { app } = await build(t, limited)
    await failThrice(t, app)
    const response = await call(app, wrong)
    t.assert.equal(response.statusCode, 429)
    const wait = Number(response.headers['retry-after'])
    t.assert.ok(wait > 0 && wait <= 60, String(wait))
    t.assert.equal(response.headers['www-authenticate'], undefined)
    t.assert.partialDeepStrictEqual(response.json(), { jsonrpc: '2.0', error: { code: 429 } })
    t.assert.ok(response.json().error.data.retryAfterMs > 0)
    t.assert.equal((await call(app, { 'x-api-key': 'a-key-of-alice-0001' })).statusCode, 200)
    t.assert.match((await app.inject('/metrics')).body, /limit_rejections_total\{reason="logins"\} 1\n/)
  })

  test('are counted by address, or by the /64 prefix of IPv6', async (t: TestContext) => {
    const { app } = await build(t, limited)
    await failThrice(t, app, '10.0.0.1')
    for (const [address, status] of [
      ['10.0.0.1', 429],
      ['::ffff:10.0.0.1', 429],
      ['10.0.0.2', 401],
    ] as const) {
      t.assert.equal((await from(app, address, wrong)).statusCode, status, address)
    }
    await failThrice(t, app, '2001:db8::1')
    t.assert.equal((await from(app, '2001:db8::ffff:1', wrong)).statusCode, 429)
    t.assert.equal((await from(app, '2001:db8:0:1::1', wrong)).statusCode, 401)
  })

  test('are counted, but not requests without one, nor valid tokens without the scope', async (t: TestContext) => {
    const issuer = await startIssuer(t)
    const { app } = await build(t, { ...issuer.environment, ...limited, OAUTH_REQUIRED_SCOPES: 'images.make' })
    const narrow = { authorization: `Bearer ${await issuer.token()}` }
    for (let n = 0; n < 5; n++) {
      t.assert.equal((await call(app)).statusCode, 401)
      t.assert.equal((await call(app, narrow)).statusCode, 403)
    }
    for (let n = 0; n < 3; n++) t.assert.equal((await call(app, { authorization: 'Bearer a.b.c' })).statusCode, 401)
    t.assert.equal((await call(app, { authorization: 'Bearer a.b.c' })).statusCode, 429)
    const good = { authorization: `Bearer ${await issuer.token({ scope: 'images.make' })}` }
    t.assert.equal((await call(app, good)).statusCode, 200)
  })

  test('are limited at /metrics too, where the valid token is still accepted', async (t: TestContext) => {
    const { app } = await build(t, { METRICS_TOKEN: 'a-token-for-metrics', FAILED_LOGINS_PER_MINUTE: '2' })
    const scrape = (token: string) => app.inject({ url: '/metrics', headers: { authorization: `Bearer ${token}` } })
    for (let n = 0; n < 2; n++) t.assert.equal((await scrape('wrong')).statusCode, 401)
    const response = await scrape('wrong')
    t.assert.equal(response.statusCode, 429)
    t.assert.ok(Number(response.headers['retry-after']) > 0)
    t.assert.equal((await scrape('a-token-for-metrics')).statusCode, 200)
    t.assert.equal((await app.inject('/metrics')).statusCode, 401)
  })

  test('are limited unless FAILED_LOGINS_PER_MINUTE is 0', async (t: TestContext) => {
    const { app } = await build(t, { ...keys, FAILED_LOGINS_PER_MINUTE: '0' })
    for (let n = 0; n < 100; n++) t.assert.equal((await call(app, wrong)).statusCode, 401)
    const usual = await build(t, keys)
    for (let n = 0; n < 60; n++) t.assert.equal((await call(usual.app, wrong)).statusCode, 401)
    t.assert.equal((await call(usual.app, wrong)).statusCode, 429)
  })
})

describe('/metrics', () => {
  test('is served to this machine and private networks only', async (t: TestContext) => {
    const { app } = await build(t, keys)
    for (const [remoteAddress, status] of [
      ['127.0.0.1', 200],
      ['::1', 200],
      ['::ffff:10.1.2.3', 200],
      ['192.168.1.1', 200],
      ['fd00::1', 200],
      ['8.8.8.8', 403],
      ['2001:4860:4860::8888', 403],
      ['172.32.0.1', 403],
    ] as const) {
      t.assert.equal((await app.inject({ url: '/metrics', remoteAddress })).statusCode, status, remoteAddress)
    }
  })

  test('does not mistake the address of a proxy for the client’s', async (t: TestContext) => {
    const hidden = await build(t, {})
    const headers = { 'x-forwarded-for': '10.0.0.1' }
    t.assert.equal((await hidden.app.inject({ url: '/metrics', headers })).statusCode, 403)
    for (const name of ['forwarded', 'x-real-ip', 'via']) {
      const one = { url: '/metrics', headers: { [name]: '10.0.0.1' } }
      t.assert.equal((await hidden.app.inject(one)).statusCode, 403, name)
    }
    const trusted = await build(t, { TRUST_PROXY: '127.0.0.1' })
    t.assert.equal((await trusted.app.inject({ url: '/metrics', headers })).statusCode, 200)
    headers['x-forwarded-for'] = '8.8.8.8'
    t.assert.equal((await trusted.app.inject({ url: '/metrics', headers })).statusCode, 403)
  })

  test('requires METRICS_TOKEN from every client if it is set', async (t: TestContext) => {
    const { app } = await build(t, { METRICS_TOKEN: 'a-token-for-metrics' })
    t.assert.equal((await app.inject('/metrics')).statusCode, 401)
    const authorization = 'Bearer a-token-for-metrics'
    t.assert.equal(
      (await app.inject({ url: '/metrics', headers: { authorization }, remoteAddress: '8.8.8.8' })).statusCode,
      200,
    )
  })
})
