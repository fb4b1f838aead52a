import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { LINK_ACCESS } from '../../services/library/access.ts'
import { endpointOf } from '../../web/bridge/page-bridge.ts'
import { type BuiltApp, listen } from '../support/app.ts'
import { someBytes, storeImage } from '../support/library-images.ts'
import { startSimulator } from '../support/simulator.ts'
import { type NginxProxy, startNginx } from '../support/system/nginx.ts'
import { toolCall } from '../support/system/processes.ts'

/** The service with the simulator, behind Nginx. */
async function behindNginx(
  t: TestContext,
  environment: Record<string, string> = {},
  change?: (conf: string) => string,
): Promise<BuiltApp & { proxy: NginxProxy }> {
  const simulator = await startSimulator(t)
  const service = await listen(t, {
    AZURE_BASE_URL: simulator.url,
    AZURE_API_KEY: 'simulated-key',
    TRUST_PROXY: '127.0.0.1',
    ...environment,
  })
  return { ...service, proxy: await startNginx(t, service.url, change) }
}

const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
})

/** Arrival time of each chunk in milliseconds, and the body. */
async function timeline(body: AsyncIterable<Buffer>): Promise<{ at: number[]; text: string }> {
  const at: number[] = []
  let text = ''
  for await (const chunk of body) {
    at.push(performance.now())
    text += chunk
  }
  return { at, text }
}

describe('behind the shipped Nginx', { concurrency: true }, () => {
  test('a response that takes 75 seconds arrives', async (t: TestContext) => {
    const { proxy } = await behindNginx(t)
    const startedAt = performance.now()
    const { statusCode, body } = await proxy.send('/', {
      body: JSON.stringify(toolCall('generate_image', { prompt: 'A slow snail fault:slow=75000', size: '1024x1024' })),
    })
    const { result } = (await body.json()) as { result: { content: { type: string }[] } }
    t.assert.ok(performance.now() - startedAt > 75_000)
    t.assert.equal(statusCode, 200)
    t.assert.deepEqual(
      result.content.map(({ type }) => type),
      ['text', 'image', 'text'],
    )
  })

  test('a body of 30 MB arrives', async (t: TestContext) => {
    const { proxy } = await behindNginx(t, { MAX_IMAGE_BYTES: String(25 * 1_048_576) })
    const side = 2740
    const noise = await sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer()
    const message = JSON.stringify(
      toolCall('edit_image', { prompt: 'Make this black and white', image_data_base64: noise.toString('base64') }),
    )
    t.assert.ok(message.length > 30_000_000, `${message.length} bytes`)
    const { statusCode, body } = await proxy.send('/', { body: message })
    const { result } = (await body.json()) as { result: { content: { type: string }[]; isError?: boolean } }
    t.assert.equal(statusCode, 200)
    t.assert.equal(result.isError, undefined)
    t.assert.equal(result.content[1]?.type, 'image')
  })

  test('a body above MAX_BODY_BYTES is rejected by the service, one above the limit of Nginx by Nginx, both in JSON-RPC', async (t: TestContext) => {
    const { proxy } = await behindNginx(t)
    for (const [mebibytes, message] of [
      [32.5, /larger than 33554432 bytes/],
      [34, /too large/],
    ] as const) {
      const { statusCode, headers, body } = await proxy.send('/', { body: Buffer.alloc(mebibytes * 1_048_576, ' ') })
      const response = (await body.json()) as { jsonrpc: string; id: null; error: { code: number; message: string } }
      t.assert.equal(statusCode, 413)
      t.assert.match(String(headers['content-type']), /^application\/json/)
      t.assert.deepEqual([response.jsonrpc, response.id, response.error.code], ['2.0', null, -32600])
      t.assert.match(response.error.message, message)
    }
  })

  for (const [what, change] of [
    ['as shipped', undefined],
    [
      'even with a proxy that buffers, since the response asks it not to',
      (conf: string) =>
        conf
          .replace('proxy_buffering off', 'proxy_buffering on')
          .replace('proxy_http_version 1.1', 'proxy_http_version 1.0'),
    ],
  ] as const) {
    test(`an event stream passes unbuffered, ${what}`, async (t: TestContext) => {
      const { proxy } = await behindNginx(t, {}, change)
      const { statusCode, headers, body } = await proxy.send('/', {
        headers: { accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-06-18' },
        body: JSON.stringify(
          toolCall('generate_image', { prompt: 'A snail fault:slow=6000', size: '256x256' }, { progressToken: 'p' }),
        ),
      })
      const { at, text } = await timeline(body)
      t.assert.equal(statusCode, 200)
      t.assert.match(String(headers['content-type']), /^text\/event-stream/)
      t.assert.match(text, /notifications\/progress[\s\S]*"type":"image"/)
      const spread = (at.at(-1) ?? 0) - (at[0] ?? 0)
      t.assert.ok(spread > 1_500, `the first event came only ${Math.round(spread)} ms before the last`)
    })
  }

  test('the headers of an event stream arrive long before its response, even without progress', async (t: TestContext) => {
    const { proxy } = await behindNginx(t)
    const startedAt = performance.now()
    const { headers, body } = await proxy.send('/', {
      headers: { accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-06-18' },
      body: JSON.stringify(toolCall('generate_image', { prompt: 'A snail fault:slow=25000', size: '256x256' })),
    })
    const waited = performance.now() - startedAt
    t.assert.match(String(headers['content-type']), /^text\/event-stream/)
    t.assert.ok(waited < 24_000, `${Math.round(waited)} ms`)
    t.assert.match((await timeline(body)).text, /^:\n\n[\s\S]*"type":"image"/)
  })

  test('/metrics is rejected however it is spelt', async (t: TestContext) => {
    const { proxy } = await behindNginx(t)
    for (const path of [
      '/metrics',
      '/metrics?x=1',
      '/metrics/',
      '//metrics',
      '/%6detrics',
      '/./metrics',
      '/x/../metrics',
    ]) {
      const { statusCode, body } = await proxy.send(path, { method: 'GET' })
      t.assert.doesNotMatch(await body.text(), /image_mcp_/, path)
      t.assert.equal(statusCode, 403, path)
    }
    for (const path of ['/METRICS', '/metrics;x', '/metrics%2f', '/metrics%00']) {
      const { statusCode, body } = await proxy.send(path, { method: 'GET' })
      t.assert.doesNotMatch(await body.text(), /image_mcp_/, path)
      t.assert.ok(statusCode >= 400, path)
    }
  })

  test("the service sees the caller's true address, through trusted proxies only", async (t: TestContext) => {
    for (const [trusted, seen] of [
      ['127.0.0.1', 'address:127.0.0.2'],
      ['10.0.0.0/8', 'address:127.0.0.1'],
    ]) {
      const { proxy, logs } = await behindNginx(t, { TRUST_PROXY: trusted ?? '' })
      const { body } = await proxy.send('/', {
        body: initialize,
        from: '127.0.0.2',
        headers: { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' },
      })
      await body.dump()
      const callers = logs.entries.flatMap(({ caller, method }) => (method === 'POST' ? [caller] : []))
      t.assert.deepEqual(callers, [seen])
    }
  })

  test('HTTP is redirected with its method preserved, and HTTPS sends HSTS', async (t: TestContext) => {
    const { proxy } = await behindNginx(t)
    const redirect = await fetch(`${proxy.httpUrl}/mcp?a=1`, { method: 'POST', body: '{}', redirect: 'manual' })
    t.assert.equal(redirect.status, 308)
    t.assert.equal(redirect.headers.get('location'), 'https://localhost/mcp?a=1')
    const { headers, body } = await proxy.send('/', { method: 'GET' })
    await body.dump()
    t.assert.match(String(headers['strict-transport-security']), /max-age=\d{8}/)
    t.assert.equal(headers['x-content-type-options'], 'nosniff')
    t.assert.equal(headers.server, 'nginx')
  })

  test('an unavailable service gets a JSON-RPC error with Retry-After', async (t: TestContext) => {
    const { app, proxy } = await behindNginx(t)
    await app.close()
    const { statusCode, headers, body } = await proxy.send('/', { body: initialize })
    const response = (await body.json()) as { error: { code: number } }
    t.assert.deepEqual([statusCode, response.error.code, headers['retry-after']], [503, 503, '10'])
    t.assert.match(String(headers['strict-transport-security']), /max-age/)
  })

  test("below /v1/ its own errors have OpenAI's form, and none is repeated that may have been billed", async (t: TestContext) => {
    const dying = createServer((request, response) => {
      if (request.url === '/health') response.end()
      else request.socket.destroy()
    }).listen(0, '127.0.0.1')
    const stop = () => {
      dying.closeAllConnections()
      dying.close()
    }
    t.after(stop)
    await once(dying, 'listening')
    const { port } = dying.address() as AddressInfo
    const proxy = await startNginx(t, `http://127.0.0.1:${port}`)
    const body = JSON.stringify({ prompt: 'A snail' })
    const post = async (path: string, sent: string | Buffer) => {
      const response = await proxy.send(path, { body: sent })
      const { error } = (await response.body.json()) as { error: { message: string; type: string } }
      return { ...response, error }
    }
    for (const path of ['/v1/images/generations', '//v1/images/edits']) {
      const broken = await post(path, body)
      t.assert.deepEqual([broken.statusCode, broken.headers['x-should-retry']], [424, 'false'], path)
      t.assert.match(broken.error.message, /may have been generated and billed/)
      t.assert.match(String(broken.headers['strict-transport-security']), /max-age/)
    }
    const large = await post('/v1/images/edits', Buffer.alloc(34 * 1_048_576, ' '))
    t.assert.deepEqual([large.statusCode, large.error.type], [413, 'invalid_request_error'])
    stop()
    await once(dying, 'close')
    const unsent = await post('/v1/images/generations', body)
    t.assert.deepEqual([unsent.statusCode, unsent.headers['retry-after']], [503, '10'])
    t.assert.equal(unsent.headers['x-should-retry'], undefined)
    t.assert.match(unsent.error.message, /Nothing was generated or billed/)
  })

  test('a link opens through it, whole, in parts and by its head, under the address that the client asked for', async (t: TestContext) => {
    const { app, proxy } = await behindNginx(t, { LIBRARY_WAIT_MS: '60000' })
    const bytes = someBytes(6_291_456)
    const { id } = await storeImage(app, { bytes })
    const { body } = await proxy.send('/', { body: JSON.stringify(toolCall('get_image', { id, as: 'link' })) })
    const [url = '', path = ''] = /https:\/\/localhost(\/images\/img_[\w?&=-]+)/.exec(await body.text()) ?? []
    t.assert.ok(url.startsWith('https://localhost/images/'), 'the scheme and the host are those of the proxy')

    const whole = await proxy.send(path, { method: 'GET' })
    t.assert.equal(whole.statusCode, 200)
    t.assert.ok(Buffer.from(await whole.body.arrayBuffer()).equals(bytes))
    t.assert.equal(whole.headers['content-length'], '6291456')
    t.assert.equal(whole.headers['x-content-type-options'], 'nosniff')
    t.assert.match(String(whole.headers['content-security-policy']), /; sandbox$/)

    const part = await proxy.send(path, { method: 'GET', headers: { range: 'bytes=-1000' } })
    t.assert.deepEqual([part.statusCode, part.headers['content-range']], [206, 'bytes 6290456-6291455/6291456'])
    t.assert.ok(Buffer.from(await part.body.arrayBuffer()).equals(bytes.subarray(-1000)))

    const head = await proxy.send(path, { method: 'HEAD' })
    t.assert.deepEqual([head.statusCode, head.headers['content-length']], [200, '6291456'])
    const known = await proxy.send(path, { method: 'GET', headers: { 'if-none-match': String(whole.headers.etag) } })
    t.assert.equal(known.statusCode, 304)
    const wrong = await proxy.send(`${path}x`, { method: 'GET' })
    t.assert.equal(wrong.statusCode, 404)
    for (const { body } of [head, known, wrong]) await body.dump()
  })

  test('an upload of 20 MiB passes it to the last byte, and its page works under its address', async (t: TestContext) => {
    const { app, proxy } = await behindNginx(t)
    const { body: asked } = await proxy.send('/', { body: JSON.stringify(toolCall('request_upload', {})) })
    const [, path = '', id = ''] =
      /https:\/\/localhost(\/uploads\/[\w-]+)\\nImage id: (img_\w{26})/.exec(await asked.text()) ?? []
    const page = await proxy.send(path, { method: 'GET' })
    t.assert.equal(page.statusCode, 200)
    await page.body.dump()
    const head = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#fff' } })
      .png()
      .toBuffer()
    const body = Buffer.concat([head, Buffer.alloc(20_971_520 - head.length)])
    const headers = { origin: proxy.httpsUrl, 'content-type': 'image/png' }
    const { statusCode, body: stored } = await proxy.send(path, { method: 'PUT', headers, body })
    const text = await stored.text()
    t.assert.equal(statusCode, 201, text)
    t.assert.equal(JSON.parse(text).id, id)
    t.assert.equal((await app.library?.get(id, LINK_ACCESS))?.bytes, body.length)
  })

  test('the studio passes it, and so do its calls, also below a path', async (t: TestContext) => {
    const prefix = '    location /tools/ { rewrite ^/tools/(.*)$ /$1 break; proxy_pass $image_editor; }\n'
    const { app, proxy } = await behindNginx(t, {}, (conf) =>
      conf.replace('    location / {', `${prefix}    location / {`),
    )
    const own = await app.inject('/studio')
    for (const path of ['/studio', '/studio/', '/tools/studio', '/tools//studio', '/tools/studio/']) {
      const page = await proxy.send(path, { method: 'GET' })
      t.assert.equal(await page.body.text(), own.body, path)
      t.assert.equal(page.headers['content-security-policy'], own.headers['content-security-policy'])
      const known = await proxy.send(path, { method: 'GET', headers: { 'if-none-match': String(page.headers.etag) } })
      t.assert.equal(known.statusCode, 304)
      await known.body.dump()
      const headers = { origin: proxy.httpsUrl, 'mcp-protocol-version': '2025-11-25' }
      const endpoint = endpointOf(`${proxy.httpsUrl}${path}`).pathname
      const call = await proxy.send(endpoint, { headers, body: JSON.stringify(toolCall('list_models', {})) })
      t.assert.match(await call.body.text(), /"azure-image-editor\/studio":\{"service":/, endpoint)
    }
  })

  test('no log of it shows the query of a link or the token of an upload, also if the service is down', async (t: TestContext) => {
    const { app, proxy } = await behindNginx(t)
    const token = 'the-token-of-an-upload'
    const secrets = [
      `/images/img_0${'0'.repeat(25)}?e=1&s=the-signature`,
      `/uploads/${token}`,
      `//uploads//${token}?s=x`,
    ]
    const askAll = async () => {
      for (const path of secrets) {
        for (const method of ['GET', 'PUT'] as const) {
          const headers = { referer: `https://chat.example${path}`, 'content-type': 'image/png' }
          const body = method === 'PUT' ? Buffer.alloc(65_536) : undefined
          const response = await proxy.send(path, { method, headers, ...(body && { body }) })
          await response.body.dump()
        }
        const redirect = await fetch(`${proxy.httpUrl}${path}`, { redirect: 'manual' })
        t.assert.equal(redirect.status, 308)
      }
    }
    await askAll()
    await app.close()
    await askAll()
    // Other addresses have an error log.
    await (await proxy.send('/nothing', { method: 'GET' })).body.dump()
    const logged = await proxy.logged()
    t.assert.match(logged, /connect\(\) failed .*"GET \/nothing HTTP/)
    t.assert.equal(logged.match(/"path":"\/uploads\/\[redacted\]"/g)?.length, 12)
    t.assert.equal(logged.match(/"path":"\/images\/img_0{26}"/g)?.length, 6)
    t.assert.doesNotMatch(logged, /the-signature|the-token/)
  })
})
