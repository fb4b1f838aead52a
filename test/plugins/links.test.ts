import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { type BuiltApp, buildApp } from '../support/app.ts'
import { someBytes, storeImage } from '../support/library-images.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const bytes = someBytes()

/** The link that a client gets for an image, by what it sends. */
async function linkFor(t: TestContext, { app }: BuiltApp, headers: Record<string, string> = {}): Promise<string> {
  const { id } = await storeImage(app, { bytes, owner: 'address:127.0.0.1' })
  const params = { name: 'get_image', arguments: { id, as: 'link' } }
  const payload = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
  const response = await app.inject({ method: 'POST', url: '/', headers, payload })
  const [, link] = /Link[^:"]*: (\S+?)"/.exec(response.body) ?? []
  t.assert.ok(link, response.body)
  return link
}

const start = (t: TestContext, environment: Record<string, string> = {}) =>
  buildApp(t, { MCP_SERVER_HOST: '0.0.0.0', ...environment })

describe('a link', { concurrency: true }, () => {
  test('begins with the scheme and host that the client asked for', async (t: TestContext) => {
    const built = await start(t)
    t.assert.match(
      await linkFor(t, built, { host: 'images.example.com:8000' }),
      /^http:\/\/images\.example\.com:8000\/images\/img_/,
    )
    t.assert.match(await linkFor(t, built, { host: '[::1]' }), /^http:\/\/\[::1\]\/images\/img_/)
  })

  test('begins with PUBLIC_URL and its path, if it is set, and opens behind a proxy that cuts the path off', async (t: TestContext) => {
    const built = await start(t, { PUBLIC_URL: 'https://example.com/images-mcp/', TRUST_PROXY: '127.0.0.1' })
    const link = await linkFor(t, built, { host: 'internal', 'x-forwarded-host': 'other.example' })
    t.assert.match(link, /^https:\/\/example\.com\/images-mcp\/images\/img_/)
    const { rawPayload } = await built.app.inject(link.replace('https://example.com/images-mcp', ''))
    t.assert.ok(rawPayload.equals(bytes))
  })

  test('follows the forwarding headers of trusted proxies only', async (t: TestContext) => {
    const forwarded = { host: 'internal', 'x-forwarded-host': 'images.example.com', 'x-forwarded-proto': 'https' }
    t.assert.match(
      await linkFor(t, await start(t, { TRUST_PROXY: '127.0.0.1' }), forwarded),
      /^https:\/\/images\.example\.com\//,
    )
    t.assert.match(await linkFor(t, await start(t, { TRUST_PROXY: '10.0.0.1' }), forwarded), /^http:\/\/internal\//)
  })

  test('never has a host that is not allowed, or is none', async (t: TestContext) => {
    const built = await start(t, { TRUST_PROXY: '127.0.0.1', ALLOWED_HOSTS: 'images.example.com' })
    for (const host of ['evil.example', 'images.example.com/x?', 'images.example.com@evil.example', '"><script>']) {
      const link = await linkFor(t, built, { host: 'images.example.com', 'x-forwarded-host': host })
      t.assert.match(link, /^http:\/\/images\.example\.com\/images\/img_/, host)
    }
  })

  test('opens on every replica with the same secret, and on no other', async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    const file = join(folder, 'server_secret')
    await writeFile(file, `${'s'.repeat(32)}\n`)
    const shared = { IMAGES_DIR: join(folder, 'images'), MCP_SERVER_HOST: '127.0.0.1' }
    const [one, fromFile, other] = await Promise.all([
      buildApp(t, { ...shared, SERVER_SECRET: 's'.repeat(32) }),
      buildApp(t, { ...shared, SERVER_SECRET_FILE: file }),
      buildApp(t, shared),
    ])
    const { id } = await storeImage(one.app, { bytes })
    const path = one.app.links?.urlOf(id, '') ?? ''
    t.assert.equal((await one.app.inject(path)).statusCode, 200)
    t.assert.equal((await fromFile.app.inject(path)).statusCode, 200)
    t.assert.equal((await other.app.inject(path)).statusCode, 404)
    t.assert.equal(other.logs.text.match(/SERVER_SECRET is not set/g)?.length, 1)
    t.assert.doesNotMatch(one.logs.text + fromFile.logs.text, /SERVER_SECRET is not set|s{32}/)
  })

  test('is not offered over stdio, which has no address', async (t: TestContext) => {
    const { app, logs } = await buildApp(t, {}, { transport: 'stdio' })
    t.assert.equal(app.links, undefined)
    t.assert.doesNotMatch(logs.text, /SERVER_SECRET/)
  })
})
