import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import config from '../../plugins/config.ts'
import { variables } from '../../schemas/config.ts'
import { ConfigurationError, type Environment, printConfiguration } from '../../services/config/configuration.ts'
import { minimalEnvironment, temporaryFolder } from '../support/app.ts'

async function load(t: TestContext, environment: Environment) {
  const fastify = Fastify()
  t.after(() => fastify.close())
  fastify.register(config, { environment })
  await fastify.ready()
  return fastify.config
}

async function problems(t: TestContext, environment: Environment): Promise<string[]> {
  const error = await load(t, environment).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof ConfigurationError)) throw new Error('the configuration was accepted', { cause: error })
  return error.message.split('\n')
}

describe('configuration', () => {
  test('reports everything that is missing at once, with an example each', async (t: TestContext) => {
    t.assert.deepEqual(await problems(t, {}), [
      'AZURE_BASE_URL: is required, for example AZURE_BASE_URL=https://your-endpoint.services.ai.azure.com',
      'AZURE_API_KEY: is required, for example AZURE_API_KEY=your-api-key',
      'AZURE_DEPLOYMENT_NAME: is required, for example AZURE_DEPLOYMENT_NAME=FLUX.1-Kontext-pro',
    ])
  })

  test('reports missing, malformed and out-of-range values together and never the value', async (t: TestContext) => {
    const lines = await problems(t, {
      AZURE_BASE_URL: 'ftp://value-that-must-not-show',
      AZURE_API_KEY: 'value-that-must-not-show',
      MCP_SERVER_PORT: 'value-that-must-not-show',
      MAX_BODY_BYTES: '1',
      LOG_LEVEL: 'loud',
      TRUST_PROXY: 'true',
      HTTPS_PROXY: 'value-that-must-not-show:3128',
    })
    t.assert.deepEqual(lines.map((line) => line.split(':')[0]).sort(), [
      'AZURE_BASE_URL',
      'AZURE_DEPLOYMENT_NAME',
      'HTTPS_PROXY',
      'LOG_LEVEL',
      'MAX_BODY_BYTES',
      'MCP_SERVER_PORT',
      'TRUST_PROXY',
    ])
    t.assert.doesNotMatch(lines.join('\n'), /must-not-show/)
    for (const line of lines) t.assert.match(line, /for example/)
  })

  test('reports an address that cannot be one', async (t: TestContext) => {
    const lines = await problems(t, { ...minimalEnvironment, AZURE_BASE_URL: 'https://[', HTTPS_PROXY: 'http://[' })
    t.assert.deepEqual(lines, [
      'AZURE_BASE_URL: is not a URL, for example AZURE_BASE_URL=https://your-endpoint.services.ai.azure.com',
      'HTTPS_PROXY: is not a URL, for example HTTPS_PROXY=http://proxy.example:3128',
    ])
  })

  test('takes defaults for what is unset or blank', async (t: TestContext) => {
    const loaded = await load(t, { ...minimalEnvironment, MCP_SERVER_PORT: ' ', AZURE_MODEL: '', LOG_LEVEL: '""' })
    t.assert.equal(loaded.MCP_SERVER_PORT, 8000)
    t.assert.equal(loaded.LOG_LEVEL, 'info')
    t.assert.equal(loaded.AZURE_API_VERSION, undefined)
    t.assert.equal(loaded.AZURE_API_DIALECT, 'auto')
    t.assert.equal(loaded.MAX_BODY_BYTES, 33_554_432)
    t.assert.equal(loaded.CALL_DEADLINE_MS, 600_000)
  })

  test('trims values and strips one pair of surrounding quotes', async (t: TestContext) => {
    const loaded = await load(t, { ...minimalEnvironment, AZURE_API_KEY: ` '"quoted"' \n`, MCP_SERVER_PORT: '"9000"' })
    t.assert.equal(loaded.AZURE_API_KEY, '"quoted"')
    t.assert.equal(loaded.MCP_SERVER_PORT, 9000)
  })

  test('reads a secret from its file and trims the newline', async (t: TestContext) => {
    const file = join(await temporaryFolder(t), 'key')
    await writeFile(file, 'from-a-file\n')
    const loaded = await load(t, { ...minimalEnvironment, AZURE_API_KEY: '', AZURE_API_KEY_FILE: file })
    t.assert.equal(loaded.AZURE_API_KEY, 'from-a-file')
  })

  test('rejects a secret that is given twice, missing or empty', async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    const empty = join(folder, 'empty')
    await writeFile(empty, '\n')
    const without = { ...minimalEnvironment, AZURE_API_KEY: undefined }
    t.assert.match(
      (await problems(t, { ...minimalEnvironment, AZURE_API_KEY_FILE: empty })).join(),
      /AZURE_API_KEY: is given twice/,
    )
    t.assert.match((await problems(t, { ...without, AZURE_API_KEY_FILE: empty })).join(), /empty file/)
    t.assert.match(
      (await problems(t, { ...without, AZURE_API_KEY_FILE: join(folder, 'absent') })).join(),
      /cannot be read \(.*absent: ENOENT\)/,
    )
    t.assert.match((await problems(t, { ...without, AZURE_API_KEY_FILE: folder })).join(), /EISDIR/)
  })

  test('prints every variable and no secret', async (t: TestContext) => {
    const printed = printConfiguration(await load(t, { ...minimalEnvironment, AZURE_API_KEY: 'top-secret' }), 'http')
    t.assert.doesNotMatch(printed, /top-secret/)
    for (const { name } of variables) t.assert.match(printed, new RegExp(`^${name}\\b`, 'm'))
  })
})
