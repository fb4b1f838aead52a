import { readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { loadConfig } from '../../../plugins/config.ts'
import { placeholderProblem } from '../../../services/config/placeholders.ts'
import { explainStartError } from '../../../services/config/start-error.ts'
import { unknownVariableWarnings } from '../../../services/config/unknown-variables.ts'
import { variables } from '../../../services/config/variables.ts'
import { buildApp, minimalEnvironment } from '../../support/app.ts'

const warningOf = (name: string, value = 'x') => unknownVariableWarnings({ [name]: value })[0]

describe('a variable that looks like one of the service and is none', () => {
  for (const [name, nearest] of [
    ['AZURE_API_KEYS', 'AZURE_API_KEY'],
    ['AZURE_APIKEY', 'AZURE_API_KEY'],
    ['AZURE_KEY', 'AZURE_API_KEY'],
    ['AZURE_API_KEY_FIEL', 'AZURE_API_KEY_FILE'],
    ['AZURE_DEPLOYMENT', 'AZURE_DEPLOYMENT_NAME'],
    ['AZURE_BASE_URL_FILE', 'AZURE_BASE_URL'],
    ['AZURE_ENDPOINT', 'AZURE_BASE_URL'],
    ['MCP_API_KEY', 'MCP_API_KEYS'],
    ['MCP_PORT', 'MCP_SERVER_PORT'],
    ['MCP_SERVER_PROT', 'MCP_SERVER_PORT'],
    ['IMAGE_DIR', 'IMAGES_DIR'],
    ['RATE_LIMIT', 'RATE_LIMIT_PER_MINUTE'],
    ['TOOL_CALLS_PER_MIN', 'TOOL_CALLS_PER_MINUTE'],
    ['SHUTDOWN_GRACE', 'SHUTDOWN_GRACE_MS'],
    ['TRUSTED_PROXY', 'TRUST_PROXY'],
    ['azure_api_key', 'AZURE_API_KEY'],
    ['set AZURE_API_KEY', 'AZURE_API_KEY'],
    ['$env:AZURE_API_KEY', 'AZURE_API_KEY'],
    ['Images_Dir', 'IMAGES_DIR'],
    ['MAX_HELD_BYTES', 'MAX_BUFFERED_BYTES'],
    ['UNDELIVERED_TTL_MS', 'ABANDONED_RESULT_TTL_MS'],
    ['AZURE_MAX_ANSWER_BYTES', 'AZURE_MAX_RESPONSE_BYTES'],
    ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'OTEL_EXPORTER_OTLP_HEADERS'],
  ] as const) {
    test(`is reported with the nearest name: ${name}`, (t: TestContext) => {
      t.assert.match(warningOf(name) ?? '', new RegExp(`^${RegExp.escape(name)} .*did you mean ${nearest}\\?$`))
    })
  }

  test('is reported without a name if nothing resembles it, if its prefix is ours alone', (t: TestContext) => {
    for (const name of ['AZURE_FROBNICATE', 'MCP_FROBNICATE']) t.assert.match(warningOf(name) ?? '', /\.env\.example/)
    for (const name of ['LOG_FROBNICATE', 'MAX_MEMORY', 'DEFAULT_SHELL', 'REDIS_HOST', 'NO_COLOR', 'HOME', 'PATH']) {
      t.assert.equal(warningOf(name), undefined, name)
    }
  })

  test('has its letters from ours: any one letter dropped, doubled or swapped is noticed', (t: TestContext) => {
    const known = new Set(variables.flatMap(({ name }) => [name, `${name}_FILE`]))
    for (const { name } of variables) {
      for (let at = 1; at < name.length - 1; at++) {
        const swapped = `${name.slice(0, at)}${name[at + 1]}${name[at]}${name.slice(at + 2)}`
        for (const typo of [name.slice(0, at) + name.slice(at + 1), name.slice(0, at) + name.slice(at - 1), swapped]) {
          if (known.has(typo) || /^(HTTP_PROXY$|AZURE_AI_)/.test(typo) || typo.length < 7) continue
          t.assert.match(warningOf(typo) ?? '', /did you mean/, typo)
        }
      }
    }
  })

  test('is not reported if other tools of Azure, Kubernetes or Docker own it', (t: TestContext) => {
    const theirs =
      'AZURE_CLIENT_ID AZURE_TENANT_ID AZURE_CLIENT_SECRET AZURE_CLIENT_CERTIFICATE_PATH AZURE_FEDERATED_TOKEN_FILE AZURE_AUTHORITY_HOST AZURE_USERNAME AZURE_PASSWORD AZURE_ADDITIONALLY_ALLOWED_TENANTS AZURE_TOKEN_CREDENTIALS AZURE_CONFIG_DIR AZURE_SUBSCRIPTION_ID AZURE_RESOURCE_GROUP AZURE_LOG_LEVEL AZURE_OPENAI_API_KEY AZURE_OPENAI_ENDPOINT AZURE_STORAGE_CONNECTION_STRING AZURE_CORE_OUTPUT AZURE_IMAGE_EDITOR_SERVICE_HOST AZURE_IMAGE_EDITOR_SERVICE_PORT_HTTP AZURE_IMAGE_EDITOR_PORT_8000_TCP_ADDR HTTP_PROXY https_proxy no_proxy AZURE_ENVIRONMENT AZURE_AD_TENANT_ID AZURE_WEBAPP_NAME AZURE_POSTGRESQL_HOST AZURE_SERVICE_CONNECTION_ID'
    for (const name of theirs.split(' ')) t.assert.equal(warningOf(name), undefined, name)
    t.assert.equal(warningOf('MCP_PORT', 'tcp://10.0.0.1:80'), undefined)
  })

  test('is not reported if MCP clients and other servers own it', (t: TestContext) => {
    const theirs =
      'MCP_TRANSPORT MCP_MODE MCP_TIMEOUT MCP_TOOL_TIMEOUT MCP_PROXY_AUTH_TOKEN MCP_INSPECTOR_API_TOKEN MCP_SERVER_REQUEST_TIMEOUT MCP_REQUEST_MAX_TOTAL_TIMEOUT MCP_AUTO_OPEN_ENABLED MCP_CLIENT_SECRET MCP_OAUTH_CALLBACK_PORT MCP_REMOTE_CONFIG_DIR MAX_MCP_OUTPUT_TOKENS NODE_OPTIONS NODE_EXTRA_CA_CERTS'
    for (const name of theirs.split(' ')) t.assert.equal(warningOf(name), undefined, name)
  })

  test('is a line of the log at the start, without its value', async (t: TestContext) => {
    const { logs } = await buildApp(t, { AZURE_API_KEYS: 'do-not-show' })
    t.assert.match(logs.text, /AZURE_API_KEYS is not a variable of this service; did you mean AZURE_API_KEY\?/)
    t.assert.doesNotMatch(logs.text, /do-not-show/)
  })

  test('is reported with the missing variable that it may stand for', async (t: TestContext) => {
    const failure = await loadConfig({
      environment: { ...minimalEnvironment, AZURE_API_KEY: '', AZURE_API_KEYS: 'do-not-show', MCP_TRANSPORT: 'http' },
    }).catch((error: unknown) => error)
    t.assert.match(
      explainStartError(failure),
      /^Invalid configuration:\n {2}AZURE_API_KEY: is required.*\n {2}AZURE_API_KEYS is not a variable of this service; did you mean AZURE_API_KEY\?\n$/,
    )
  })

  test('is no variable of ours', (t: TestContext) => {
    for (const { name, secret } of variables) {
      t.assert.equal(warningOf(name), undefined)
      if (secret) t.assert.equal(warningOf(`${name}_FILE`), undefined)
    }
  })
})

describe('a placeholder', () => {
  const project = new URL('../../../', import.meta.url)
  const examples = ['.env.example', 'README.md', 'docs/deployment.md', 'docs/security.md'].flatMap((path) => {
    const text = readFileSync(new URL(path, project), 'utf8')
    return [...text.matchAll(/[A-Z_]+="?([^\s"`,]*\b(?:your-|a-long-random-)[^\s"`,]*)/g)].map(
      ([, value = '']) => value,
    )
  })

  test('of the documentation is recognized wherever it stands', (t: TestContext) => {
    t.assert.ok(examples.length >= 6)
    for (const value of examples) t.assert.match(placeholderProblem(value) ?? '', /placeholder/, value)
  })

  for (const value of [
    'your-api-key',
    'your-api-key-here',
    'YOUR_API_KEY',
    'your key',
    '<api-key>',
    '<your-key>',
    'https://<your-resource>.openai.azure.com',
    'https://your-resource.services.ai.azure.com/',
    'alice:a-long-random-key',
    'changeme',
    'xxxxxxxx',
    'sk-xxxx-xxxx',
    '…',
    '********',
    'yourApiKey',
    'change_me_please',
    'REPLACE_WITH_YOUR_KEY',
    'paste-key-here',
    '{key}',
    '[API_KEY]',
    '你的密钥',
    '您的 API Key',
    '<你的密钥>',
    '请填写密钥',
    '在此填入密钥',
    '你的部署名称',
    'https://你的资源名.openai.azure.com',
    'https://{resource}.openai.azure.com',
    'https://xxxx.services.ai.azure.com',
    'redis://:<password>@redis:6379',
    'redis://:你的密码@redis:6379',
    'ann:<key>,bob:0123456789abcdef',
    'ann:0123456789abcdef\nbob:changeme',
    'https://login.microsoftonline.com/{tenant}/v2.0',
  ]) {
    test(`is ${value}`, (t: TestContext) => t.assert.match(placeholderProblem(value) ?? '', /placeholder/))
  }

  test('is a reference that nothing expands', (t: TestContext) => {
    for (const value of [
      '%AZURE_API_KEY%',
      '$env:AZURE_API_KEY',
      '$(cat key)',
      '{{API_KEY}}',
      'https://$RESOURCE.openai.azure.com',
      `redis://:$${'{REDIS_PASSWORD}'}@redis:6379`,
      `ann:$${'{ANN_KEY}'}`,
      '@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/key)',
      'process.env.AZURE_API_KEY',
    ]) {
      t.assert.match(placeholderProblem(value) ?? '', /another variable/, value)
    }
    for (const inside of ['{AZURE_API_KEY}', '{KEY:-none}', '{{ secrets.KEY }}', 'AZURE_API_KEY']) {
      const value = `$${inside}`
      t.assert.match(placeholderProblem(value) ?? '', /another variable/, value)
    }
  })

  test('is no value that somebody may have', (t: TestContext) => {
    const values = [
      '$ecret',
      'a$b',
      'yourapp-flux',
      'your-bank-images',
      'https://contoso.openai.azure.com',
      '*.corp.example',
      'static.1.2.3.4.clients.your-server.de',
      'https://yourkeystone.example',
      'https://myresource.openai.azure.com',
      '[::1]',
      '[fd00::1],10.0.0.0/8',
      '/data/xxx',
      'ann:changes-me-daily-4711',
      '图片生成',
    ]
    for (const value of [...values, 'x', 'xx', 'p<a>ss', 'FLUX.1-Kontext-pro']) {
      t.assert.equal(placeholderProblem(value), undefined, value)
    }
    for (const { name, default: value } of variables) {
      if (value !== undefined) t.assert.equal(placeholderProblem(value), undefined, name)
    }
  })
})
