import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('a certificate that cannot be read is a fault, and the log says which file and why', async (t: TestContext) => {
  const file = join(await temporaryFolder(t), 'client.pem')
  const { app, logs } = await buildApp(t, { AZURE_CLIENT_CERTIFICATE_PATH: file })
  const { faults, secretFiles, certificate } = (await app.inject('/ready')).json()
  t.assert.deepEqual(faults, ['IMG_ERR_SECRET_FILE'])
  t.assert.deepEqual(secretFiles, { AZURE_CLIENT_CERTIFICATE_PATH: 'unusable' })
  t.assert.equal(certificate, 'unreadable')
  t.assert.partialDeepStrictEqual(
    logs.entries.filter(({ code }) => code === 'IMG_ERR_SECRET_FILE'),
    [{ variable: 'AZURE_CLIENT_CERTIFICATE_PATH', err: { code: 'ENOENT' } }],
  )
})
