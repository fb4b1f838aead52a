import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startAzurite } from '../support/azurite.ts'
import { createCertificate } from '../support/certificate.ts'
import { containerFlags } from '../support/container-flags.ts'
import { listenOnLoopback } from '../support/fake-azure.ts'
import { startProcess } from '../support/process.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** As a managed identity has one for storage; Azurite checks claims, not signatures. */
function storageToken(): string {
  const now = Math.floor(Date.now() / 1000)
  const tenant = '11111111-1111-1111-1111-111111111111'
  const claims = {
    aud: 'https://storage.azure.com',
    iss: `https://sts.windows.net/${tenant}/`,
    ...{ iat: now - 60, nbf: now - 60, exp: now + 3600, oid: tenant, tid: tenant, sub: tenant, ver: '1.0' },
  }
  return `${encode({ typ: 'JWT', alg: 'RS256' })}.${encode(claims)}.${Buffer.from('signature').toString('base64url')}`
}

/** The endpoint from which an App Service gets the tokens of its identity. */
async function startIdentity(t: TestContext, token: string) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const expires_on = Math.floor(Date.now() / 1000) + 3600
    const body = { access_token: token, expires_on, resource: 'https://storage.azure.com', token_type: 'Bearer' }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  const port = await listenOnLoopback(t, server)
  t.after(() => server.closeAllConnections())
  return { asked, url: `http://127.0.0.1:${port}/token` }
}

test('without a key images are stored with the identity, under the flags of the container', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const [cert, keyFile, images] = [join(folder, 'tls.crt'), join(folder, 'tls.key'), join(folder, 'images')]
  const pair = createCertificate()
  await Promise.all([writeFile(cert, pair.certificate), writeFile(keyFile, pair.key), mkdir(images)])
  await using azurite = await startAzurite({ cert, key: keyFile })
  const container = await azurite.createContainer('images')
  const token = storageToken()
  const identity = await startIdentity(t, token)
  const { url: azure } = await startSimulator(t)
  const environment = {
    ...{ AZURE_BASE_URL: azure, AZURE_API_KEY: key, IMAGES_DIR: images, AZURE_STORAGE_URL: container },
    ...{
      IDENTITY_ENDPOINT: identity.url,
      IDENTITY_HEADER: 'secret',
      NODE_EXTRA_CA_CERTS: cert,
      LIBRARY_WAIT_MS: '20000',
    },
  }
  const service = await startProcess(t, environment, containerFlags({ images }))
  const { content } = await callTool(service.url, 'generate_image', { prompt: 'a lighthouse', output_path: 'x.png' })
  t.assert.strictEqual(content[0]?.text, `Image successfully generated. Saved to server at: ${container}/x.png`)
  t.assert.match(content[2]?.text ?? '', /Image id: img_/)
  await callTool(service.url, 'generate_image', { prompt: 'a lighthouse' })
  t.assert.strictEqual(identity.asked.length, 1, 'the token is used until it expires')
  t.assert.match(identity.asked[0] ?? '', /resource=https%3A%2F%2Fstorage\.azure\.com/)
  t.assert.ok(!service.log.includes(token))
})
