import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { listenOnLoopback } from '../../support/fake-azure.ts'

const script = `
const { loadDefaultTokenSource, tokenCredential } = await import(process.argv[1])
const headers = await tokenCredential(loadDefaultTokenSource).headers('https://ai.azure.com/.default')
console.log(JSON.stringify(headers))
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
  const credential = new URL('../../../services/azure/credential.ts', import.meta.url).href
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script, credential],
    { env: { IDENTITY_ENDPOINT: `http://127.0.0.1:${port}/token`, IDENTITY_HEADER: 'secret' }, timeout: 60_000 },
  )
  t.assert.deepEqual(JSON.parse(stdout), { authorization: 'Bearer a-token' })
  t.assert.equal(asked.length, 1)
  t.assert.match(asked[0] ?? '', /resource=https%3A%2F%2Fai\.azure\.com.* secret$/)
})
