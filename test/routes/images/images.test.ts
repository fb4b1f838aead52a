import { createHash } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../support/app.ts'
import { someBytes, storeImage } from '../../support/library-images.ts'
import { checkProperty } from '../../support/property.ts'

const bytes = someBytes(3000)
const sha256 = createHash('sha256').update(bytes).digest('hex')

/** Path and query of a link to an image. */
function pathOf({ links }: FastifyInstance, id: string): string {
  return links?.urlOf(id, '') ?? 'there are no links'
}

async function withImage(t: TestContext, environment: Record<string, string> = {}, image = {}) {
  const { app, logs, images } = await buildApp(t, environment)
  const record = await storeImage(app, { bytes, ...image })
  const path = pathOf(app, record.id)
  const get = (headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
    app.inject({ method, url: path, headers })
  return { app, logs, images, record, path, get }
}

describe('a link to an image', { concurrency: true }, () => {
  test('returns the bytes with headers that let clients cache, resume, show and save them', async (t: TestContext) => {
    const { get, record } = await withImage(t)
    const { statusCode, headers, rawPayload } = await get()
    t.assert.equal(statusCode, 200)
    t.assert.ok(rawPayload.equals(bytes))
    t.assert.partialDeepStrictEqual(headers, {
      'content-type': 'image/png',
      'content-length': '3000',
      'accept-ranges': 'bytes',
      etag: `"${sha256}"`,
      'last-modified': new Date(record.createdAt).toUTCString(),
      'content-disposition': `inline; filename=${record.id}.png`,
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'cross-origin',
      'access-control-allow-origin': '*',
    })
    const [, seconds] = /^private, max-age=(\d+), immutable$/.exec(String(headers['cache-control'])) ?? []
    t.assert.ok(Number(seconds) > 3590 && Number(seconds) <= 3601, String(headers['cache-control']))
    t.assert.equal(headers['set-cookie'], undefined)
    t.assert.equal(headers['transfer-encoding'], undefined)
  })

  test('returns the same to HEAD as to GET, without the bytes', async (t: TestContext) => {
    const { get, path, app } = await withImage(t)
    const gone = pathOf(app, `img_0${'0'.repeat(25)}`)
    for (const [url, headers] of [
      [path, {}],
      [path, { 'if-none-match': `"${sha256}"` }],
      [path, { 'if-match': '"x"' }],
      [gone, {}],
      [path.replace('?', '?x'), {}],
    ] as const) {
      const [full, head] = await Promise.all([
        app.inject({ method: 'GET', url, headers }),
        app.inject({ method: 'HEAD', url, headers }),
      ])
      t.assert.equal(head.statusCode, full.statusCode)
      t.assert.equal(head.body, '')
      t.assert.deepEqual({ ...head.headers, date: '' }, { ...full.headers, date: '' }, url)
    }
    t.assert.equal((await get({ range: 'bytes=0-0' }, 'HEAD')).headers['content-length'], '3000')
  })

  test('returns any range of the bytes', async (t: TestContext) => {
    const { get } = await withImage(t)
    const property = fc.asyncProperty(
      fc.nat(3100),
      fc.option(fc.nat(3100), { nil: undefined }),
      async (first, last) => {
        const { statusCode, headers, rawPayload } = await get({ range: `bytes=${first}-${last ?? ''}` })
        if (last !== undefined && last < first) {
          t.assert.deepEqual([statusCode, rawPayload.equals(bytes)], [200, true])
          return
        }
        const expected = bytes.subarray(first, (last ?? 3000) + 1)
        if (expected.length === 0) {
          t.assert.deepEqual([statusCode, rawPayload.length], [416, 0])
          t.assert.equal(headers['content-range'], 'bytes */3000')
          return
        }
        t.assert.equal(statusCode, 206)
        t.assert.ok(rawPayload.equals(expected))
        t.assert.equal(headers['content-length'], String(expected.length))
        t.assert.equal(headers['content-range'], `bytes ${first}-${first + expected.length - 1}/3000`)
        t.assert.equal(headers.etag, `"${sha256}"`)
      },
    )
    await checkProperty(t, property, { numRuns: 100 })
  })

  test('continues a download only of the same image', async (t: TestContext) => {
    const { get, record } = await withImage(t)
    const range = 'bytes=2990-'
    for (const condition of [`"${sha256}"`, new Date(record.createdAt).toUTCString()]) {
      const { statusCode, rawPayload } = await get({ range, 'if-range': condition })
      t.assert.equal(statusCode, 206)
      t.assert.ok(rawPayload.equals(bytes.subarray(2990)))
    }
    const { statusCode, rawPayload } = await get({ range, 'if-range': '"another"' })
    t.assert.equal(statusCode, 200)
    t.assert.ok(rawPayload.equals(bytes))
  })

  test('returns 304 to a client that has the image, with what its cache needs', async (t: TestContext) => {
    const { get } = await withImage(t)
    const { statusCode, headers, body } = await get({ 'if-none-match': `"${sha256}"` })
    t.assert.deepEqual([statusCode, body], [304, ''])
    t.assert.equal(headers.etag, `"${sha256}"`)
    t.assert.match(String(headers['cache-control']), /^private, max-age=\d+, immutable$/)
    for (const name of ['content-type', 'content-length', 'content-disposition', 'content-range']) {
      t.assert.equal(headers[name], undefined, name)
    }
  })

  test('lets no cache keep the image beyond its end', async (t: TestContext) => {
    const { get } = await withImage(t, { LINK_TTL_MS: '5000' })
    const [, seconds] = /max-age=(\d+)/.exec(String((await get()).headers['cache-control'])) ?? []
    t.assert.ok(Number(seconds) >= 1 && Number(seconds) <= 6, `${seconds} s`)
  })

  test('names the file as it was saved, in every language and without breaking the header', async (t: TestContext) => {
    for (const [outputPath, expected] of [
      ['sunset.png', 'inline; filename=sunset.png'],
      ['folder/two words.png', 'inline; filename="two words.png"'],
      ['夕阳.png', 'inline; filename="??.png"; filename*=UTF-8\'\'%E5%A4%95%E9%98%B3.png'],
      ['Zoë.png', 'inline; filename="Zo?.png"; filename*=UTF-8\'\'Zo%C3%AB.png'],
      ['a%20b.png', "inline; filename=a%20b.png; filename*=UTF-8''a%2520b.png"],
      ["it's;x=1.png", 'inline; filename="it\'s;x=1.png"'],
    ] as const) {
      const { get, record } = await withImage(t, {}, { outputPath })
      t.assert.equal(record.isNamed, true)
      const { statusCode, headers } = await get()
      t.assert.equal(statusCode, 200, outputPath)
      const shown = String(headers['content-disposition'])
      t.assert.equal(shown, expected, outputPath)
    }
  })

  test('shows an SVG drawing in a sandbox without scripts and without the network', async (t: TestContext) => {
    const drawing = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    const { get } = await withImage(t, {}, { bytes: drawing, mimeType: 'image/svg+xml' })
    const { headers, body } = await get()
    t.assert.equal(body, drawing.toString())
    t.assert.equal(headers['content-type'], 'image/svg+xml')
    t.assert.match(String(headers['content-security-policy']), /^default-src 'none'; .*; sandbox$/)
    t.assert.equal(headers['x-content-type-options'], 'nosniff')
  })

  test('that is wrong in any way gets one and the same 404', async (t: TestContext) => {
    const { app, path, record } = await withImage(t)
    const other = await storeImage(app, { bytes: someBytes() })
    const deleted = await storeImage(app, { bytes: someBytes() })
    const bytesGone = await storeImage(app, { bytes: someBytes() })
    const access = { owner: 'x', uses: 'all', canList: true, changes: 'all' } as const
    const deletedPath = pathOf(app, deleted.id)
    await app.library?.remove(deleted.id, access)
    await app.imageStore.files.remove(bytesGone.location)
    const [, e = ''] = /e=(\d+)/.exec(path) ?? []
    const wrong = {
      'without a query': `/images/${record.id}`,
      'without a signature': path.replace(/&s=.*/, ''),
      'a wrong signature': path.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
      'another end': path.replace(e, String(Number(e) + 1)),
      'another image': path.replace(record.id, other.id),
      'a smaller version': `${path}&w=100`,
      'another format': `${path}&f=webp`,
      'the end twice': `${path}&e=${e}`,
      'an id that does not exist': pathOf(app, `img_0${'0'.repeat(25)}`),
      'a deleted image': deletedPath,
      'an image whose bytes are gone': pathOf(app, bytesGone.id),
      'no id': '/images/x',
      'an id in upper case': path.replace(record.id, record.id.toUpperCase()),
      'an escaped line break': '/images/%0d%0aset-cookie:x',
    }
    const responses = await Promise.all(
      Object.entries(wrong).map(async ([what, url]) => ({ what, response: await app.inject(url) })),
    )
    const stable = ({ headers, body }: Awaited<ReturnType<FastifyInstance['inject']>>) => ({
      headers: { ...headers, date: '' },
      body: body.replace(/"requestId":"[\w-]{36}"/, ''),
    })
    const [first] = responses
    t.assert.equal(first?.response.headers['cache-control'], 'no-store')
    t.assert.match(first?.response.body ?? '', /"message":"There is no image at this address/)
    for (const { what, response } of responses) {
      t.assert.equal(response.statusCode, 404, what)
      t.assert.deepEqual(stable(response), first && stable(first.response), what)
    }
  })

  test('needs no credential, whatever is configured, and ignores wrong ones', async (t: TestContext) => {
    const { get } = await withImage(t, { MCP_API_KEYS: 'alice:a-long-secret-of-alice' })
    t.assert.equal((await get()).statusCode, 200)
    t.assert.equal((await get({ 'x-api-key': 'wrong', authorization: 'Bearer wrong' })).statusCode, 200)
  })

  test('opens on pages of any origin, and under the hosts of the service only', async (t: TestContext) => {
    const { app, path } = await withImage(t, { MCP_SERVER_HOST: '127.0.0.1' })
    const asked = (headers: Record<string, string>, method: 'GET' | 'OPTIONS' = 'GET') =>
      app.inject({ method, url: path, headers })
    t.assert.equal((await asked({ origin: 'https://chat.example' })).statusCode, 200)
    t.assert.equal((await asked({ host: 'evil.example' })).statusCode, 403)
    const preflight = await asked(
      {
        origin: 'https://chat.example',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'range',
      },
      'OPTIONS',
    )
    t.assert.equal(preflight.statusCode, 204)
    t.assert.partialDeepStrictEqual(preflight.headers, {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': 'range',
    })
    t.assert.equal(preflight.headers['access-control-allow-credentials'], undefined)
  })

  test('rejects other methods, and reads no body', async (t: TestContext) => {
    const { app, path } = await withImage(t)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'SEARCH'] as const) {
      const { statusCode, headers, body } = await app.inject({ method, url: path, payload: '{}' })
      t.assert.deepEqual([statusCode, headers.allow], [405, 'GET, HEAD'], method)
      t.assert.match(body, /Send GET or HEAD\./)
    }
  })

  test('counts as requests of its address', async (t: TestContext) => {
    const { get } = await withImage(t, { RATE_LIMIT_PER_MINUTE: '2' })
    t.assert.equal((await get()).statusCode, 200)
    t.assert.equal((await get({}, 'HEAD')).statusCode, 200)
    const { statusCode, headers, body } = await get()
    t.assert.equal(statusCode, 429)
    t.assert.match(String(headers['retry-after']), /^\d+$/)
    t.assert.match(body, /rate limit exceeded/)
  })

  test('is not logged with its query', async (t: TestContext) => {
    const { app, logs, path } = await withImage(t, { LOG_LEVEL: 'trace' })
    await app.inject(path)
    await app.inject(`${path}x`)
    await app.inject({ method: 'PUT', url: path })
    const [, query = ''] = path.split('?')
    t.assert.match(logs.text, /"route":"\/images\/:id"/)
    for (const part of query.split('&')) t.assert.ok(!logs.text.includes(part), part)
    t.assert.ok(!(await app.metrics.registry.metrics()).includes('img_'))
  })

  test('exists only with the library', async (t: TestContext) => {
    const { app } = await buildApp(t, { LIBRARY: 'off' })
    t.assert.equal(app.links, undefined)
    t.assert.equal((await app.inject(`/images/img_0${'0'.repeat(25)}?e=1&s=x`)).statusCode, 404)
  })
})

test('an image that was replaced in its folder has another, weak validator', async (t: TestContext) => {
  const { app, record, get } = await withImage(t, {}, { outputPath: 'replaced.png' })
  await app.imageStore.files.writeText(record.location, 'something else')
  const { headers, body } = await get()
  t.assert.equal(body, 'something else')
  t.assert.equal(headers['content-length'], '14')
  t.assert.match(String(headers.etag), /^W\/"14-\d+"$/)
})

test('a link ends when its time is over', async (t: TestContext) => {
  const { app, record } = await withImage(t)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const path = pathOf(app, record.id)
  t.mock.timers.tick(3_599_000)
  t.assert.equal((await app.inject(path)).statusCode, 200)
  t.mock.timers.tick(2_000)
  const { statusCode, headers, body } = await app.inject(path)
  t.assert.equal(statusCode, 404)
  const unknown = await app.inject(`/images/${record.id}`)
  t.assert.deepEqual(Object.keys(headers).sort(), Object.keys(unknown.headers).sort())
  t.assert.equal(body.length, unknown.body.length)
})
