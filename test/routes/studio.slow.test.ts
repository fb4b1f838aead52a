import { createHash } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { modernRequest } from '../support/modern-client.ts'
import { startService } from '../support/service.ts'
import { callFromStudio } from '../support/studio.ts'

const host = 'localhost:9000'
const hashOf = (text = '') => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

describe('GET /studio', () => {
  test('is the page, which may run only its own script and style, and call only this service', async (t: TestContext) => {
    const { app } = await buildApp(t)
    const { statusCode, headers, body } = await app.inject({ url: '/studio', headers: { host } })
    t.assert.deepStrictEqual([statusCode, headers['content-type']], [200, 'text/html; charset=utf-8'])
    const script = hashOf(/<script>([\s\S]*)<\/script>/.exec(body)?.[1])
    const style = hashOf(/<style>([\s\S]*)<\/style>/.exec(body)?.[1])
    t.assert.strictEqual(
      headers['content-security-policy'],
      `default-src 'none';script-src ${script};style-src ${style};connect-src 'self';img-src data:;base-uri 'none';form-action 'none';frame-ancestors 'none'`,
    )
    t.assert.strictEqual(headers['x-frame-options'], 'DENY')
    t.assert.strictEqual(headers['access-control-allow-origin'], undefined)
    t.assert.ok(!/\b(?:src|href)="(?!data:,")/.test(body.replace(/<script>[\s\S]*/, '')), 'it loads nothing')
  })

  test('is the page that hosts of MCP Apps get', async (t: TestContext) => {
    const { app, url } = await startService(t)
    const { body } = await app.inject('/studio')
    const uri = 'ui://azure-image-editor/studio.html'
    const { result } = await modernRequest(url, 'resources/read', { uri })
    t.assert.partialDeepStrictEqual(result.contents, [
      {
        uri,
        mimeType: 'text/html;profile=mcp-app',
        text: body,
        _meta: { ui: { prefersBorder: false, permissions: { clipboardWrite: {} } } },
      },
    ])
    const { result: listed } = await modernRequest(url, 'tools/list', {})
    const pages = Object.fromEntries(
      listed.tools.map(({ name, _meta }: { name: string; _meta?: { ui: object } }) => [name, _meta?.ui]),
    )
    t.assert.deepStrictEqual(pages, {
      generate_image: { resourceUri: uri },
      edit_image: { resourceUri: uri },
      find_images: { resourceUri: uri },
      get_image: undefined,
      request_upload: undefined,
      get_job: undefined,
      studio_image: { visibility: ['app'] },
      studio_draft: { visibility: ['app'] },
      list_models: { visibility: ['app'] },
    })
  })

  test('is asked for again each time, and sent again only when it has changed', async (t: TestContext) => {
    const { app } = await buildApp(t)
    const first = await app.inject('/studio')
    const { etag = '' } = first.headers
    t.assert.strictEqual(first.headers['cache-control'], 'no-cache')
    for (const known of [etag, `"old", W/${etag}`, '*']) {
      const again = await app.inject({ url: '/studio', headers: { 'if-none-match': known } })
      t.assert.deepStrictEqual([again.statusCode, again.body], [304, ''])
      t.assert.strictEqual(again.headers['content-security-policy'], first.headers['content-security-policy'])
    }
    for (const known of ['"old"', etag.slice(1, -1), '']) {
      const again = await app.inject({ url: '/studio', headers: { 'if-none-match': known } })
      t.assert.deepStrictEqual([again.statusCode, again.body], [200, first.body])
    }
  })

  test('answers HEAD, a slash at the end and doubled ones, and no other method', async (t: TestContext) => {
    const { app } = await buildApp(t)
    const page = await app.inject('/studio')
    for (const url of ['/studio/', '//studio', '/studio?x=1', '/studio/?key=secret']) {
      t.assert.strictEqual((await app.inject(url)).body, page.body, url)
    }
    const head = await app.inject({ method: 'HEAD', url: '/studio' })
    t.assert.deepStrictEqual([head.statusCode, head.body, head.headers.etag], [200, '', page.headers.etag])
    t.assert.strictEqual(head.headers['content-length'], page.headers['content-length'])
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'] as const) {
      const { statusCode, headers } = await app.inject({ method, url: '/studio' })
      t.assert.deepStrictEqual([statusCode, headers.allow], [405, 'GET, HEAD'], method)
    }
    for (const url of ['/studio/x', '/studio.html', '/Studio']) {
      t.assert.strictEqual((await app.inject(url)).statusCode, 404, url)
    }
  })

  test('is shown under the hosts of the service only, and to no other page', async (t: TestContext) => {
    const { app } = await buildApp(t)
    const status = async (headers: Record<string, string>) => (await app.inject({ url: '/studio', headers })).statusCode
    t.assert.strictEqual(await status({ host }), 200)
    t.assert.strictEqual(await status({ host: 'rebound.example.com' }), 403)
    t.assert.strictEqual(await status({ host, origin: 'http://localhost:9000' }), 200)
    t.assert.strictEqual(await status({ host, origin: 'https://evil.example.com' }), 403)
    t.assert.strictEqual(await status({ host, origin: 'null' }), 403)
  })

  test('needs no key, which its calls do, until it is revoked', async (t: TestContext) => {
    const { app, url } = await startService(t, { MCP_API_KEYS: 'ann:key-of-ann-0123456789' })
    t.assert.strictEqual((await app.inject('/studio')).statusCode, 200)
    const call = (key: string) =>
      fetch(`${url}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25', 'x-api-key': key },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'studio_draft', arguments: {} },
        }),
      })
    t.assert.strictEqual((await call('key-of-ann-0123456789')).status, 200)
    t.assert.strictEqual((await call('key-of-nobody-012345678')).status, 401)
  })
})

test('STUDIO=off removes the page, the app, its tools and their facts', async (t: TestContext) => {
  const { app, url } = await startService(t, { STUDIO: 'off' })
  for (const path of ['/studio', '/studio/']) t.assert.strictEqual((await app.inject(path)).statusCode, 404)
  const { result } = await modernRequest(url, 'tools/list', {})
  t.assert.ok(!JSON.stringify(result).includes('studio') && !JSON.stringify(result).includes('ui://'))
  const { error } = await modernRequest(url, 'resources/read', { uri: 'ui://azure-image-editor/studio.html' })
  t.assert.ok(error)
  for (const name of ['studio_image', 'studio_draft', 'list_models']) {
    const { error: unknown } = await modernRequest(url, 'tools/call', { name, arguments: {} })
    t.assert.match(String(unknown?.message), /^Unknown tool/)
  }
  const { result: discovered } = await modernRequest(url, 'server/discover', {})
  t.assert.ok(!JSON.stringify(discovered).includes('/ui"'))
  t.assert.strictEqual((await callFromStudio(url, 'find_images')).raw._meta, undefined)
})

test('the page is there only with the tools without which it shows nothing', async (t: TestContext) => {
  for (const [names, status] of [
    ['generate_image,get_job', 404],
    ['generate_image,get_job,studio_image', 404],
    ['generate_image,get_job,studio_image,list_models', 200],
    ['default,delete_image', 200],
  ] as const) {
    const { app } = await buildApp(t, { TOOLS: names })
    t.assert.strictEqual((await app.inject('/studio')).statusCode, status, names)
  }
})
