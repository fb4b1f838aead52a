import { describe, type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import config from '../../../plugins/config.ts'
import { ConfigurationError } from '../../../services/config/configuration-error.ts'
import { parseContainerUrl } from '../../../services/config/container-url.ts'
import type { Environment } from '../../../services/config/environment.ts'
import { minimalEnvironment } from '../../support/app.ts'
import { AZURITE_KEY } from '../../support/azurite.ts'

describe('the URL of a container', () => {
  test('tells the account where the host does', (t: TestContext) => {
    const urls: [text: string, url: string, account: string | undefined][] = [
      ['https://acme.blob.core.windows.net/images', 'https://acme.blob.core.windows.net/images', 'acme'],
      ['https://acme.blob.core.windows.net/images/', 'https://acme.blob.core.windows.net/images', 'acme'],
      [
        'HTTPS://Acme.Blob.core.chinacloudapi.cn//my-images',
        'https://acme.blob.core.chinacloudapi.cn/my-images',
        'acme',
      ],
      ['https://acme.z01.blob.storage.azure.net/images', 'https://acme.z01.blob.storage.azure.net/images', 'acme'],
      ['https://images.example.com/abc', 'https://images.example.com/abc', undefined],
      [
        'http://127.0.0.1:10000/devstoreaccount1/images',
        'http://127.0.0.1:10000/devstoreaccount1/images',
        'devstoreaccount1',
      ],
      [
        'https://localhost:10000/devstoreaccount1/images/',
        'https://localhost:10000/devstoreaccount1/images',
        'devstoreaccount1',
      ],
    ]
    for (const [text, url, account] of urls) t.assert.deepStrictEqual(parseContainerUrl(text), { url, account }, text)
  })

  test('is rejected with what is wrong', (t: TestContext) => {
    const wrong: [text: string, problem: RegExp][] = [
      ['http://acme.blob.core.windows.net/images', /https/],
      ['https://acme.blob.core.windows.net', /no container/],
      ['https://acme.blob.core.windows.net/', /no container/],
      ['http://127.0.0.1:10000/devstoreaccount1', /no container/],
      ['https://acme.blob.core.windows.net/images/2026', /must end with/],
      ['https://acme.blob.core.windows.net/Images', /valid name/],
      ['https://acme.blob.core.windows.net/im--ages', /valid name/],
      ['https://acme.blob.core.windows.net/im', /valid name/],
      [`https://acme.blob.core.windows.net/${'a'.repeat(64)}`, /valid name/],
      ['https://acme.blob.core.windows.net/%2e%2e%2fother', /valid name/],
      ['https://acme.blob.core.windows.net/images?sv=1&sig=SECRET', /SAS is not supported/],
      ['https://user:SECRET@acme.blob.core.windows.net/images', /SAS is not supported/],
    ]
    for (const [text, problem] of wrong) {
      t.assert.throws(() => parseContainerUrl(text), { name: 'InvalidValueError', message: problem }, text)
    }
  })
})

async function load(t: TestContext, environment: Environment): Promise<string[] | { account: string; url: string }> {
  const app = Fastify()
  t.after(() => app.close())
  app.register(config, { environment: { ...minimalEnvironment, ...environment } })
  try {
    await app.ready()
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split('\n')
    throw error
  }
  const { storage } = app.config.library
  return { account: storage?.account ?? '', url: storage?.url ?? '' }
}

describe('the configuration of Blob Storage', () => {
  const url = 'https://acme.blob.core.windows.net/images'

  test('needs a URL; the key is optional', async (t: TestContext) => {
    t.assert.deepStrictEqual(await load(t, {}), { account: '', url: '' })
    t.assert.deepStrictEqual(await load(t, { AZURE_STORAGE_URL: url }), { account: 'acme', url })
    t.assert.deepStrictEqual(await load(t, { AZURE_STORAGE_URL: url, AZURE_STORAGE_KEY: AZURITE_KEY }), {
      account: 'acme',
      url,
    })
  })

  test('is rejected where no request could succeed, and no message has the secret', async (t: TestContext) => {
    const SECRET = 'c2VjcmV0LXRoYXQtbXVzdC1ub3Qtc2hvdw=='
    const wrong: [Environment, problem: RegExp][] = [
      [{ AZURE_STORAGE_KEY: AZURITE_KEY }, /^AZURE_STORAGE_URL: is required with AZURE_STORAGE_KEY/],
      [{ AZURE_STORAGE_URL: url, AZURE_STORAGE_KEY: SECRET }, /^AZURE_STORAGE_KEY: is not the key/],
      [
        { AZURE_STORAGE_URL: url, AZURE_STORAGE_KEY: `AccountName=acme;AccountKey=${SECRET}` },
        /^AZURE_STORAGE_KEY: is not the key/,
      ],
      [
        { AZURE_STORAGE_URL: 'https://images.example.com/abc', AZURE_STORAGE_KEY: AZURITE_KEY },
        /^AZURE_STORAGE_URL: must have the host/,
      ],
      [
        { AZURE_STORAGE_URL: 'http://127.0.0.1:10000/devstoreaccount1/images' },
        /^AZURE_STORAGE_KEY: is required with an http URL/,
      ],
      [{ AZURE_STORAGE_URL: 'http://acme.blob.core.windows.net/images' }, /^AZURE_STORAGE_URL: must be an https URL/],
      [{ AZURE_STORAGE_URL: `${url}?sig=${SECRET}` }, /^AZURE_STORAGE_URL: /],
    ]
    for (const [environment, problem] of wrong) {
      const lines = await load(t, environment)
      t.assert.ok(Array.isArray(lines), JSON.stringify(lines))
      t.assert.strictEqual(lines.length, 1, lines.join('\n'))
      t.assert.match(lines[0] ?? '', problem)
      t.assert.doesNotMatch(lines.join('\n'), /c2VjcmV0|Eby8vdM/)
    }
  })
})
