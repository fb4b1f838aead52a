import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { createCertificate } from '../support/certificate.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('the days until the certificate for Azure ends are read at every scrape', async (t: TestContext) => {
  const file = join(await temporaryFolder(t), 'client.pem')
  const { certificate, key } = createCertificate()
  const { app } = await buildApp(t, { AZURE_CLIENT_CERTIFICATE_PATH: file })
  const days = async () =>
    /^image_mcp_certificate_days\{variable="AZURE_CLIENT_CERTIFICATE_PATH"\} (.*)$/m.exec(
      (await app.inject('/metrics')).body,
    )?.[1]
  t.assert.strictEqual(await days(), undefined)
  await writeFile(file, key + certificate)
  // It is valid for a day.
  t.assert.strictEqual(await days(), '0')
  await writeFile(file, 'no certificate')
  t.assert.strictEqual(await days(), undefined)
})
