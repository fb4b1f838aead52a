import { execFileSync } from 'node:child_process'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import Fastify, { type FastifyInstance } from 'fastify'
import config from '../../plugins/config.ts'
import { ConfigurationError } from '../../services/config/configuration-error.ts'
import type { Environment } from '../../services/config/environment.ts'
import { variables } from '../../services/config/variables.ts'
import { minimalEnvironment } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function loadApp(t: TestContext, environment: Environment) {
  const app = Fastify()
  t.after(() => app.close())
  app.register(config, { environment })
  await app.ready()
  return { app, config: app.config }
}

const load = async (t: TestContext, environment: Environment) => (await loadApp(t, environment)).config

async function keyOf({ azure }: FastifyInstance['config']): Promise<string | undefined> {
  return (await azure.deployments[0].credential.headers(''))['api-key']
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
  test('reports all missing variables at once, with an example each', async (t: TestContext) => {
    t.assert.deepEqual(await problems(t, {}), [
      'AZURE_BASE_URL: is required, for example AZURE_BASE_URL=https://your-endpoint.services.ai.azure.com',
      'AZURE_API_KEY: is required, for example AZURE_API_KEY=your-api-key or AZURE_API_KEY_FILE=/run/secrets/azure_api_key',
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

  test('reports an invalid URL', async (t: TestContext) => {
    const lines = await problems(t, { ...minimalEnvironment, AZURE_BASE_URL: 'https://[', HTTPS_PROXY: 'http://[' })
    t.assert.deepEqual(lines, [
      'AZURE_BASE_URL: is not a URL, for example AZURE_BASE_URL=https://your-endpoint.services.ai.azure.com',
      'HTTPS_PROXY: is not a URL, for example HTTPS_PROXY=http://proxy.example:3128 or HTTPS_PROXY_FILE=/run/secrets/https_proxy',
    ])
  })

  test('reports a proxy that the HTTP client would reject at the first call', async (t: TestContext) => {
    const proxies = ['http://u:100%@proxy:1', 'http://proxy:1/path', 'http://proxy:1?x=1', 'http://proxy:1#x']
    for (const HTTPS_PROXY of proxies) {
      const [line = ''] = await problems(t, { ...minimalEnvironment, HTTPS_PROXY })
      t.assert.match(line, /^HTTPS_PROXY: has a /)
    }
    await load(t, { ...minimalEnvironment, HTTPS_PROXY: 'http://u:100%25@proxy:1/' })
  })

  test('ADMIN_PORT must differ from MCP_SERVER_PORT, and keep-alive must last at least a second', async (t: TestContext) => {
    const lines = await problems(t, {
      ...minimalEnvironment,
      MCP_SERVER_PORT: '8000',
      ADMIN_PORT: '8000',
      KEEP_ALIVE_TIMEOUT_MS: '72',
      ALLOWED_ORIGINS: 'https://*',
    })
    t.assert.deepEqual(lines.map((line) => line.split(':')[0]).sort(), [
      'ADMIN_PORT',
      'ALLOWED_ORIGINS',
      'KEEP_ALIVE_TIMEOUT_MS',
    ])
    const { server } = await load(t, { ...minimalEnvironment, ADMIN_PORT: '9000' })
    t.assert.partialDeepStrictEqual(server, {
      adminPort: 9000,
      keepAliveTimeoutMs: 72_000,
      maxConnectionsPerAddress: 500,
    })
  })

  test('uses defaults for unset and blank variables', async (t: TestContext) => {
    const loaded = await load(t, { ...minimalEnvironment, MCP_SERVER_PORT: ' ', AZURE_MODEL: '', LOG_LEVEL: '""' })
    t.assert.equal(loaded.server.port, 8000)
    t.assert.equal(loaded.logging.level, 'info')
    t.assert.equal(loaded.azure.deployments[0].apiVersion, undefined)
    t.assert.equal(loaded.azure.deployments[0].dialect, 'auto')
    t.assert.equal(loaded.limits.maxBodyBytes, 33_554_432)
    t.assert.equal(loaded.limits.callDeadlineMs, 600_000)
    t.assert.equal(loaded.azure.maxQueueMs, undefined)
  })

  test('reads the longest wait for a turn', async (t: TestContext) => {
    const loaded = await load(t, { ...minimalEnvironment, MAX_QUEUE_WAIT_MS: '30000' })
    t.assert.equal(loaded.azure.maxQueueMs, 30_000)
    const [line = ''] = await problems(t, { ...minimalEnvironment, MAX_QUEUE_WAIT_MS: '-1' })
    t.assert.match(line, /^MAX_QUEUE_WAIT_MS: must be at least 0/)
  })

  test('trims values and strips one pair of surrounding quotes', async (t: TestContext) => {
    const loaded = await load(t, { ...minimalEnvironment, AZURE_API_KEY: ` '"quoted"' \n`, MCP_SERVER_PORT: '"9000"' })
    t.assert.equal(await keyOf(loaded), '"quoted"')
    t.assert.equal(loaded.server.port, 9000)
  })

  test('reads a secret from its file and trims the newline', async (t: TestContext) => {
    const file = join(await temporaryFolder(t), 'key')
    await writeFile(file, 'from-a-file\n')
    const loaded = await load(t, { ...minimalEnvironment, AZURE_API_KEY: '', AZURE_API_KEY_FILE: file })
    t.assert.equal(await keyOf(loaded), 'from-a-file')
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
    t.assert.match(
      (await problems(t, { ...without, AZURE_API_KEY_FILE: folder })).join(),
      /, which is a folder; Docker creates one in place of a missing file/,
    )
  })

  test('a file that would block the start or fill the memory is rejected before it is read', async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    const [pipe, large] = [join(folder, 'pipe'), join(folder, 'large')]
    execFileSync('mkfifo', [pipe])
    await writeFile(large, '')
    await truncate(large, 100_000_000)
    const without = { ...minimalEnvironment, AZURE_API_KEY: undefined }
    for (const [file, reason] of [
      [pipe, 'is not a regular file'],
      ['/dev/zero', 'is not a regular file'],
      [large, 'is larger than 1048576 bytes'],
    ] as const) {
      t.assert.deepEqual(await problems(t, { ...without, AZURE_API_KEY_FILE: file }), [
        `AZURE_API_KEY_FILE: names ${file}, which ${reason}`,
      ])
    }
    for (const name of ['AZURE_DEPLOYMENTS_FILE', 'AZURE_MODELS_FILE']) {
      const [line = ''] = await problems(t, { ...minimalEnvironment, [name]: pipe })
      t.assert.match(line, new RegExp(`^${name}: names a file that is not a regular file`))
    }
  })

  test('a secret file of Windows is read: byte order mark, UTF-16, line break', async (t: TestContext) => {
    const file = join(await temporaryFolder(t), 'key')
    for (const bytes of [Buffer.from('\uFEFFthe-key\r\n'), Buffer.from('\uFEFFthe-key\r\n', 'utf16le')]) {
      await writeFile(file, bytes)
      const loaded = await load(t, { ...minimalEnvironment, AZURE_API_KEY: '', AZURE_API_KEY_FILE: file })
      t.assert.equal(await keyOf(loaded), 'the-key')
    }
  })

  test('the address to listen on is an address or a name, without scheme, port and brackets', async (t: TestContext) => {
    for (const host of ['http://0.0.0.0', '0.0.0.0:8000', '[::]', '*', 'localhost:8000', '::1/64', 'a b']) {
      const [line = ''] = await problems(t, { ...minimalEnvironment, MCP_SERVER_HOST: host })
      t.assert.match(line, /^MCP_SERVER_HOST: must be an IP address or a host name/, host)
    }
    for (const host of ['0.0.0.0', '::', '::1', 'fe80::1%eth0', 'localhost', 'my_host-1.internal', '主机.example']) {
      t.assert.equal((await load(t, { ...minimalEnvironment, MCP_SERVER_HOST: host })).server.host, host)
    }
  })

  test('a port that Kubernetes has set for a service of that name is ignored, with a warning', async (t: TestContext) => {
    const links = { MCP_SERVER_PORT: 'tcp://10.0.0.1:80', ADMIN_PORT: 'udp://10.0.0.2:53' }
    const { server, warnings } = await load(t, { ...minimalEnvironment, ...links })
    t.assert.deepEqual([server.port, server.adminPort], [8000, undefined])
    t.assert.deepEqual(
      warnings.map((warning) => warning.replace(/:.*/, '')),
      ['MCP_SERVER_PORT is ignored', 'ADMIN_PORT is ignored'],
    )
  })

  test('rejects a value with one quotation mark or typographic ones', async (t: TestContext) => {
    for (const value of ['"the-key', "the-key'", `"the-key'`, '“the-key”', "'", '„the-key“', '« the-key »']) {
      for (const name of ['AZURE_API_KEY', 'AZURE_DEPLOYMENT_NAME', 'METRICS_TOKEN']) {
        t.assert.deepEqual(await problems(t, { ...minimalEnvironment, [name]: value }), [
          `${name}: begins or ends with a stray quotation mark; remove it`,
        ])
      }
    }
  })

  test('rejects placeholders in values and files, without one more example', async (t: TestContext) => {
    const file = join(await temporaryFolder(t), 'key')
    await writeFile(file, 'your-api-key\n')
    t.assert.deepEqual(
      await problems(t, {
        ...minimalEnvironment,
        AZURE_BASE_URL: 'https://your-resource.openai.azure.com',
        AZURE_API_KEY: '<key>',
      }),
      ['AZURE_BASE_URL', 'AZURE_API_KEY'].map(
        (name) => `${name}: is still the placeholder of an example; set your own value`,
      ),
    )
    t.assert.match(
      (await problems(t, { ...minimalEnvironment, AZURE_API_KEY: '', AZURE_API_KEY_FILE: file })).join(),
      /^AZURE_API_KEY_FILE: names a file whose content is still the placeholder/,
    )
  })

  test('every problem of a secret names its file too', async (t: TestContext) => {
    const lines = await problems(t, { HTTPS_PROXY: 'x', REDIS_URL: 'x', METRICS_TOKEN: 'm'.repeat(3000) })
    for (const name of ['AZURE_API_KEY', 'HTTPS_PROXY', 'REDIS_URL', 'METRICS_TOKEN']) {
      t.assert.ok(
        lines.some((line) => line.startsWith(`${name}: `) && line.includes(` or ${name}_FILE=/run/secrets/`)),
        name,
      )
    }
  })

  test('replicas that share a database need the secret of links and uploads', async (t: TestContext) => {
    for (const shared of [{ REDIS_URL: 'redis://127.0.0.1:9' }, { DATABASE_URL: 'postgres://127.0.0.1:9/images' }]) {
      const environment = { ...minimalEnvironment, ...shared }
      t.assert.deepEqual(await problems(t, environment), [
        'SERVER_SECRET: is required with REDIS_URL and DATABASE_URL, and must be the same on all replicas, for example SERVER_SECRET=your-random-text-of-32-characters-or-more or SERVER_SECRET_FILE=/run/secrets/server_secret',
      ])
      const { server } = await load(t, { ...environment, SERVER_SECRET: 's'.repeat(32) })
      t.assert.equal(server.secret?.reveal(), 's'.repeat(32))
    }
    t.assert.match(
      (await problems(t, { ...minimalEnvironment, SERVER_SECRET: 's'.repeat(31) })).join(),
      /SERVER_SECRET/,
    )
  })

  test('PUBLIC_URL loses the slashes at its end, and keeps its path', async (t: TestContext) => {
    for (const [PUBLIC_URL, expected] of [
      ['https://images.example.com/', 'https://images.example.com'],
      ['https://example.com/images-mcp//', 'https://example.com/images-mcp'],
    ] as const) {
      t.assert.equal((await load(t, { ...minimalEnvironment, PUBLIC_URL })).server.publicUrl, expected)
    }
  })

  test('prints every variable and no secret', async (t: TestContext) => {
    const { lines } = await load(t, { ...minimalEnvironment, AZURE_API_KEY: 'top-secret' })
    const printed = lines.join('\n')
    t.assert.doesNotMatch(printed, /top-secret/)
    for (const { name } of variables) t.assert.match(printed, new RegExp(`^${name}\\b`, 'm'))
  })

  test('is frozen, and shows no secret', async (t: TestContext) => {
    const { app, config } = await loadApp(t, {
      ...minimalEnvironment,
      AZURE_API_KEY: 'top-secret',
      HTTPS_PROXY: 'http://user:top-secret@proxy.example:3128',
      METRICS_TOKEN: 'top-secret',
      MCP_API_KEYS: 'alice:top-secret',
      REDIS_URL: 'redis://:top-secret@127.0.0.1:9',
      SERVER_SECRET: 'top-secret'.repeat(4),
    })
    for (const part of [config, ...Object.values(config)]) t.assert.ok(Object.isFrozen(part))
    t.assert.ok(Object.isFrozen(config.outbound.proxy.none) && Object.isFrozen(config.azure.deployments[0]))
    t.assert.equal(config.auth.metricsToken?.reveal(), 'top-secret')
    t.assert.doesNotMatch(JSON.stringify(config) + inspect(config, { depth: null, showHidden: true }), /top-secret/)
    t.assert.equal(app.settings, undefined)
  })

  test('parses lists and sizes', async (t: TestContext) => {
    const { server, auth, azure, outbound, images } = await load(t, {
      ...minimalEnvironment,
      ALLOWED_HOSTS: 'images.example.com, *.corp.example:8443',
      AZURE_IMAGE_HOSTS: ' A.example ,*.b.example,',
      NO_PROXY: 'localhost,.internal.example',
      OAUTH_ISSUER: 'https://issuer.example',
      OAUTH_AUDIENCE: 'one,two',
      OAUTH_REQUIRED_SCOPES: 'read write',
      PUBLIC_URL: 'https://images.example.com',
      DEFAULT_IMAGE_SIZE: '1024x768',
    })
    t.assert.deepEqual(server.allowedHosts, [
      { hostname: 'images.example.com', port: undefined },
      { hostname: '*.corp.example', port: '8443' },
    ])
    t.assert.deepEqual(azure.imageHosts, ['a.example', '*.b.example'])
    t.assert.deepEqual(outbound.proxy.none, ['localhost', '.internal.example'])
    t.assert.partialDeepStrictEqual(auth.oauth, { audiences: ['one', 'two'], requiredScopes: ['read', 'write'] })
    t.assert.deepEqual(images.defaultSize, { width: 1024, height: 768 })
  })
})
