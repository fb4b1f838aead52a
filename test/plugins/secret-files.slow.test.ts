import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
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

test('the key file of one deployment is watched, too', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const write = async (name: string, content: string) => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  await write('own-key', 'the-key-of-one')
  const deployments = [
    { name: 'one', model: 'FLUX.2-pro', key_file: 'own-key' },
    { name: 'two', model: 'FLUX.2-pro' },
  ]
  const { app, logs } = await buildApp(t, {
    AZURE_API_KEY: undefined,
    AZURE_API_KEY_FILE: await write('key', 'the-key'),
    AZURE_DEPLOYMENT_NAME: undefined,
    AZURE_DEPLOYMENTS_FILE: await write('deployments.json', JSON.stringify({ deployments })),
    METRICS_TOKEN_FILE: await write('token', 'the-token-of-metrics'),
  })
  const read = async () => Object((await app.readiness.report()).body)
  const usable = { AZURE_API_KEY_FILE: 'usable', METRICS_TOKEN_FILE: 'usable', 'key_file of one': 'usable' }
  t.assert.deepEqual((await read()).secretFiles, usable)
  await rm(join(folder, 'own-key'))
  await write('token', '')
  // A check is valid for seconds.
  const body = await waitFor('the next check', async () => {
    const next = await read()
    return next.faults.length > 0 ? next : undefined
  })
  t.assert.deepEqual(body.faults, ['IMG_ERR_SECRET_FILE'])
  t.assert.deepEqual(body.secretFiles, {
    AZURE_API_KEY_FILE: 'usable',
    METRICS_TOKEN_FILE: 'unusable',
    'key_file of one': 'unusable',
  })
  const lines = logs.entries.filter(({ code }) => code === 'IMG_ERR_SECRET_FILE')
  t.assert.deepEqual(lines.map(({ variable, reason }) => [variable, reason]).sort(), [
    ['METRICS_TOKEN_FILE', 'is empty'],
    ['key_file of one', undefined],
  ])
})
