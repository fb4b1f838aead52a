import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { buildApp, temporaryFolder } from '../support/app.ts'
import { waitFor } from '../support/wait-for.ts'

test('a rotated secret that cannot be used is a fault until its file is correct again', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const files = { MCP_API_KEYS_FILE: 'ann:0123456789abcdef', AZURE_API_KEY_FILE: '0123456789abcdef' }
  const broken = { MCP_API_KEYS_FILE: 'no colon', AZURE_API_KEY_FILE: 'two\nlines' }
  const write = (contents: Readonly<Record<string, string>>) =>
    Promise.all(Object.entries(contents).map(([name, content]) => writeFile(join(folder, name), content)))
  await write(files)
  const { app, logs } = await buildApp(t, {
    AZURE_API_KEY: undefined,
    ...Object.fromEntries(Object.keys(files).map((name) => [name, join(folder, name)])),
  })
  const expect = (state: string, faults: readonly string[]) =>
    waitFor(`secrets that are ${state}`, async () => {
      const body = (await app.inject('/ready')).json()
      const isSo = Object.keys(files).every((name) => body.secretFiles[name] === state)
      return isSo && JSON.stringify(body.faults) === JSON.stringify(faults)
    })
  await expect('usable', [])
  await write(broken)
  await expect('unusable', ['IMG_ERR_SECRET_FILE'])
  await write(files)
  await expect('usable', [])
  t.assert.match(logs.text, /"variable":"AZURE_API_KEY_FILE".*does not contain a key/)
  t.assert.doesNotMatch(logs.text, /0123456789abcdef|no colon/)
})
