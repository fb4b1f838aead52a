import { type TestContext, test } from 'node:test'
import { createBufferPool } from '../../../../services/bytes/buffer-pool.ts'
import { createBlobImageStore } from '../../../../services/library/blob/blob-image-store.ts'
import { openContainer, type StorageTokens } from '../../../../services/library/blob/open-container.ts'
import { createHttpClient } from '../../../../services/net/http-client.ts'
import { createCertificate } from '../../../support/certificate.ts'
import { fakeAzure } from '../../../support/fake-azure.ts'

const { certificate, key } = createCertificate()
const expiresOnTimestamp = Date.now() + 3_600_000

/** A store with tokens, in front of a storage that demands a token for another service. */
async function build(t: TestContext, tokens: StorageTokens) {
  const storage = await fakeAzure(
    t,
    (request, response) => {
      request.resume()
      const challenge =
        'Bearer authorization_uri=https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/oauth2/authorize resource_id=https://management.azure.com'
      response.writeHead(401, { 'www-authenticate': challenge }).end()
    },
    { key, cert: certificate },
  )
  const connections = createHttpClient({ connectTimeoutMs: 30_000, certificateAuthority: certificate })
  t.after(() => connections.close())
  const url = `${storage.url}/account/images`
  const container = await openContainer(url, { tokens }, connections)
  const store = createBlobImageStore({ container, url, folder: '/app/images', pool: createBufferPool() })
  return { store, seen: storage.seen }
}

test('a storage gets tokens for storage only, whatever it asks for', async (t: TestContext) => {
  const scopes: string[] = []
  const { store, seen } = await build(t, {
    async getToken(scope) {
      scopes.push(scope)
      return { token: `token-${scopes.length}`, expiresOnTimestamp }
    },
  })
  await t.assert.rejects(store.files.writeText('.library/x.json', '{}'), { code: 'IMG_ERR_STORE_DENIED' })
  t.assert.ok(seen.length > 0)
  t.assert.deepStrictEqual([...new Set(scopes)], ['https://storage.azure.com/.default'])
})

test('an identity without a token is told to the operator, and nothing is sent', async (t: TestContext) => {
  const failing: StorageTokens[] = [
    { getToken: async () => null },
    { getToken: () => Promise.reject(new Error('no managed identity at http://169.254.169.254')) },
  ]
  for (const tokens of failing) {
    const { store, seen } = await build(t, tokens)
    const { isWritable, reason, hint = '' } = await store.health()
    t.assert.deepStrictEqual([isWritable, reason], [false, 'no token of the identity'])
    t.assert.match(hint, /managed or workload identity/)
    await t.assert.rejects(store.files.writeText('.library/x.json', '{}'), { code: 'IMG_ERR_STORE_DENIED' })
    t.assert.strictEqual(seen.length, 0)
  }
})

test('waiting for a token ends with the signal', async (t: TestContext) => {
  const { store } = await build(t, { getToken: () => new Promise(() => {}) })
  const work = store.files.writeText('.library/x.json', '{}', AbortSignal.timeout(100))
  await t.assert.rejects(work, { name: 'TimeoutError' })
})
