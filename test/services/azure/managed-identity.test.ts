import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { tokenCredential } from '../../../services/azure/credential.ts'
import { renewableSource } from '../../../services/azure/token-source.ts'
import { listenOnLoopback } from '../../support/fake-azure.ts'

const script = `
const [{ tokenCredential }, { loadDefaultTokenSource }] = await Promise.all(process.argv.slice(1).map((file) => import(file)))
const credential = tokenCredential(loadDefaultTokenSource)
const scope = 'https://ai.azure.com/.default'
const headers = await credential.headers(scope)
console.log(JSON.stringify([headers, await credential.refreshCredential(scope, headers)]))
`

// In a separate process, because the library reads the environment itself.
test('the real library gets a token from the managed identity of an app service', async (t: TestContext) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers['x-identity-header']}`)
    const expires_on = Math.floor(Date.now() / 1000) + 3600
    const body = { access_token: 'a-token', expires_on, resource: 'https://ai.azure.com', token_type: 'Bearer' }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  const port = await listenOnLoopback(t, server)
  t.after(() => server.closeAllConnections())
  const files = ['credential', 'token-source'].map(
    (name) => new URL(`../../../services/azure/${name}.ts`, import.meta.url).href,
  )
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, ...files], {
    env: { IDENTITY_ENDPOINT: `http://127.0.0.1:${port}/token`, IDENTITY_HEADER: 'secret' },
    timeout: 60_000,
  })
  // Its rejected token is not renewed: Azure would return the same one.
  t.assert.deepEqual(JSON.parse(stdout), [{ authorization: 'Bearer a-token' }, false])
  t.assert.equal(asked.length, 1)
  t.assert.match(asked[0] ?? '', /resource=https%3A%2F%2Fai\.azure\.com.* secret$/)
})

const scope = 'https://ai.azure.com/.default'
const expiresOnTimestamp = Date.now() + 3_600_000

test('a rejected token is renewed by a request that no cache of the library answers', async (t: TestContext) => {
  const claimed: (string | undefined)[] = []
  const library = {
    async getToken(_scope: string, { claims }: { claims?: string } = {}) {
      claimed.push(claims)
      return { token: claims === undefined ? 'cached' : 'new', expiresOnTimestamp }
    },
  }
  const credential = tokenCredential(async () => renewableSource(library, () => 1_700_000_000_999))
  const rejected = await credential.headers(scope)
  t.assert.equal(await credential.refreshCredential(scope, rejected), true)
  t.assert.deepEqual(await credential.headers(scope), { authorization: 'Bearer new' })
  t.assert.deepEqual(claimed, [undefined, '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}'])
})

test('a tool that rejects claims is asked without them', async (t: TestContext) => {
  let issued = 0
  const library = {
    async getToken(_scope: string, { claims }: { claims?: string } = {}) {
      if (claims !== undefined) throw new Error('run az login')
      return { token: `token-${++issued}`, expiresOnTimestamp }
    },
  }
  const credential = tokenCredential(async () => renewableSource(library))
  t.assert.equal(await credential.refreshCredential(scope, await credential.headers(scope)), true)
  t.assert.equal(issued, 2)
})

test('a library that could not be loaded once is loaded again', async (t: TestContext) => {
  let loaded = 0
  const credential = tokenCredential(async () => {
    if (++loaded === 1) throw new Error('EMFILE')
    return { getToken: async () => ({ token: 't', expiresOnTimestamp }) }
  })
  await t.assert.rejects(async () => await credential.headers(scope), { code: 'IMG_ERR_AZURE_TOKEN' })
  t.assert.deepEqual(await credential.headers(scope), { authorization: 'Bearer t' })
})

test('a token that no header can carry is not sent', async (t: TestContext) => {
  for (const token of ['two\nlines', '', 'ü']) {
    const credential = tokenCredential(async () => ({ getToken: async () => ({ token, expiresOnTimestamp }) }))
    await t.assert.rejects(async () => await credential.headers(scope), { code: 'IMG_ERR_AZURE_TOKEN' })
  }
})
