import { createHash } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { parse as parseYaml } from 'yaml'
import { clientDialogs, clientSetups } from '../../../routes/home/clients.ts'
import { buildApp } from '../../support/app.ts'
import { readDocument } from '../../support/markdown.ts'

const keys = { MCP_API_KEYS: 'alice:dc6a8f0e4a3b4c39bdc3c9d2a1b7e6f5' }

async function pageOf(app: FastifyInstance, headers: Record<string, string> = {}, url = '/') {
  const response = await app.inject({ url, headers: { host: 'localhost:9000', ...headers } })
  return { ...response, headers: response.headers, body: response.body, text: plainText(response.body) }
}

const plainText = (html: string): string =>
  html.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')

test('shows calls to the address in the Host header', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const { body } = await pageOf(app)
  t.assert.ok(body.includes('-X POST http://localhost:9000/ '), body)
  t.assert.ok(body.includes('http://localhost:9000/mcp'), body)
})

test("names the address of OpenAI's API in both languages, unless it is off", async (t: TestContext) => {
  const { app } = await buildApp(t)
  for (const url of ['/?lang=en', '/?lang=zh']) {
    const { text } = await pageOf(app, {}, url)
    t.assert.ok(text.includes('>http://localhost:9000/v1<') && text.includes('/v1/images/edits'), text)
  }
  const { app: closed } = await buildApp(t, { OPENAI_API: 'off' })
  t.assert.ok(!(await pageOf(closed)).body.includes('/v1'))
})

test('invites to the studio in both languages, by a link that works below any path', async (t: TestContext) => {
  const { app } = await buildApp(t)
  for (const url of ['/?lang=en', '/?lang=zh']) {
    const { body } = await pageOf(app, {}, url)
    t.assert.ok(body.includes('href="studio"') && !body.includes('ALLOWED_ORIGINS'), body)
  }
  t.assert.strictEqual((await app.inject('/studio')).statusCode, 200)
  for (const environment of [{ STUDIO: 'off' }, { LIBRARY: 'off' }, { TOOLS: 'generate_image' }]) {
    const { app: without } = await buildApp(t, environment)
    t.assert.ok(!(await pageOf(without)).body.includes('href="studio"'))
    t.assert.strictEqual((await without.inject('/studio')).statusCode, 404)
  }
})

test('says what to set where the studio could not call the service', async (t: TestContext) => {
  const container = { MCP_SERVER_HOST: '0.0.0.0' }
  const host = 'images.example.com:8000'
  for (const [environment, isBlocked] of [
    [container, true],
    [{ ...container, ALLOWED_HOSTS: 'images.example.com' }, false],
    [{ ...container, ALLOWED_ORIGINS: 'http://images.example.com:8000' }, false],
  ] as const) {
    const { app } = await buildApp(t, environment)
    const { body } = await pageOf(app, { host })
    t.assert.strictEqual(body.includes('<code>ALLOWED_ORIGINS=http://images.example.com:8000</code>'), isBlocked)
    const headers = { origin: `http://${host}`, host }
    const call = { jsonrpc: '2.0', id: 1, method: 'ping' }
    const { statusCode } = await app.inject({ method: 'POST', url: '/mcp', headers, payload: call })
    t.assert.strictEqual(statusCode, isBlocked ? 403 : 200)
  }
})

test('markup in the Host header does not reach the page', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const { body } = await pageOf(app, { host: 'x"><script>alert(1)</script>' })
  t.assert.ok(!body.includes('<script'), body)
})

test('markup in X-Forwarded-Proto does not reach the page', async (t: TestContext) => {
  const { app } = await buildApp(t, { TRUST_PROXY: '127.0.0.1' })
  const page = async (protocol: string) =>
    (await pageOf(app, { host: 'localhost', 'x-forwarded-proto': protocol })).body
  t.assert.ok((await page('https')).includes('https://localhost/mcp'))
  t.assert.ok(!(await page('"><script>')).includes('<script'))
})

test('links to nothing that may not exist', async (t: TestContext) => {
  for (const environment of [{}, { OPENAI_API: 'off' }, { METRICS_TOKEN: 'a-token-of-sufficient-length-0123' }, keys]) {
    const { app } = await buildApp(t, environment)
    const { body } = await pageOf(app)
    const links = [...body.matchAll(/href="([^"]+)"/g)].map(([, link = '']) => link)
    t.assert.deepEqual(
      // Those that install are compared in install-links.test.ts.
      links.filter((link) => !link.startsWith('/') && link !== 'studio' && !/[?&](?:amp;)?(?:config|url)=/.test(link)),
      ['https://modelcontextprotocol.io'],
    )
    for (const url of links.filter((link) => link.startsWith('/'))) {
      t.assert.equal((await app.inject({ url })).statusCode, 200, url)
    }
  }
})

test('its policy allows its own style and nothing else, and it has no script', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const { body, headers } = await pageOf(app)
  const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(body) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = String(headers['content-security-policy'])
  t.assert.ok(policy.includes("default-src 'none'") && policy.includes(`style-src 'sha256-${hash}'`), policy)
  t.assert.doesNotMatch(policy, /unsafe/)
  t.assert.doesNotMatch(body, /<script|<img|<link|<iframe|\sstyle=|\son\w+=/)
})

describe('the language', () => {
  for (const [header, url, language] of [
    [undefined, '/', 'en'],
    ['zh-CN,zh;q=0.9,en;q=0.8', '/', 'zh-CN'],
    ['en-US,en;q=0.9,zh-CN;q=0.8', '/', 'en'],
    ['zh;q=0.2, en;q=0.7', '/', 'en'],
    ['de-DE,zh-TW;q=0.5', '/', 'zh-CN'],
    ['zh;q=0', '/', 'en'],
    ['fr', '/', 'en'],
    ['en', '/?lang=zh', 'zh-CN'],
    ['zh', '/?lang=en', 'en'],
    ['zh', '/?lang=xx', 'zh-CN'],
  ] as const) {
    test(`of ${url} with Accept-Language ${header} is ${language}`, async (t: TestContext) => {
      const { app } = await buildApp(t)
      const { body, headers } = await pageOf(app, header === undefined ? {} : { 'accept-language': header }, url)
      t.assert.ok(body.includes(`<html lang="${language}">`))
      t.assert.strictEqual(headers['content-language'], language)
      t.assert.strictEqual(/\p{Script=Han}{4}/u.test(body), language === 'zh-CN')
    })
  }
})

test('shows the state of each part, escaped', async (t: TestContext) => {
  const { app } = await buildApp(t)
  app.readiness.add('<b>new', () => ({ ready: false, state: { 'a&b': '<i>' } }))
  const { body } = await pageOf(app)
  t.assert.match(body, /Not ready/)
  t.assert.match(body, /FLUX\.1-Kontext-pro/)
  t.assert.ok(body.includes('&lt;b&gt;new') && body.includes('a&amp;b: &lt;i&gt;'))
  t.assert.doesNotMatch(body, /undefined|null|\[object/)
})

test('shows what is wrong: a service that is degraded is not called ready, and its faults are named', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const fine = await pageOf(app)
  t.assert.match(fine.body, />Ready<[\s\S]*<details><summary>The state of each part/)
  t.assert.doesNotMatch(fine.body, /faults/)
  app.readiness.add('new', () => ({
    ready: true,
    isDegraded: true,
    state: 'off',
    faults: ['IMG_ERR_AZURE_CREDENTIAL'],
  }))
  const { body } = await pageOf(app)
  t.assert.match(
    body,
    />Degraded: [^<]*<[\s\S]*<code>IMG_ERR_AZURE_CREDENTIAL<\/code>[\s\S]*<details open><summary>The state of each part/,
  )
})

/** The first example below a heading. */
function exampleBelow(document: string, heading: string): string {
  const section = readDocument(document).split(`\n### ${heading}\n`)[1]?.split('\n### ')[0] ?? ''
  return /```\w+\n([\s\S]*?)```/.exec(section)?.[1]?.trim() ?? ''
}

describe('the setup of each client', () => {
  for (const document of ['docs/clients.md', 'docs/clients.zh-CN.md']) {
    test(`is that of ${document}`, (t: TestContext) => {
      for (const { name, text } of clientSetups('https://images.example.com/mcp', true)) {
        const shown = exampleBelow(document, name)
        if (text.startsWith('{')) t.assert.deepStrictEqual(JSON.parse(shown), JSON.parse(text), name)
        else if (name !== 'curl') t.assert.strictEqual(shown, text, name)
      }
      for (const { name } of clientDialogs) t.assert.match(readDocument(document), new RegExp(`^### ${name}$`, 'm'))
    })
  }

  for (const hasKeys of [false, true]) {
    test(`is on the page, ${hasKeys ? 'with' : 'without'} a key`, async (t: TestContext) => {
      const { app } = await buildApp(t, hasKeys ? keys : {})
      const { text } = await pageOf(app)
      for (const setup of clientSetups('http://localhost:9000/mcp', hasKeys)) {
        if (setup.name !== 'curl') t.assert.ok(text.includes(setup.text), setup.name)
      }
      for (const { name, steps } of clientDialogs) t.assert.ok(text.includes(steps.en), name)
      t.assert.strictEqual(/bearer/i.test(text), hasKeys)
    })
  }

  for (const { name, file, text } of clientSetups('http://localhost:9000/mcp', true)) {
    test(`${name}: valid, with address and key`, (t: TestContext) => {
      t.assert.ok(text.includes('http://localhost:9000/mcp'))
      t.assert.match(text, /bearer|Authorization/i)
      if (file.endsWith('.json')) t.assert.doesNotThrow(() => JSON.parse(text))
      if (file.endsWith('.yaml')) t.assert.ok(parseYaml(text).mcpServers ?? parseYaml(text).extensions)
    })
  }
})
