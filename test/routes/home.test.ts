import { type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'

test('shows calls to the address in the Host header', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const { body } = await app.inject({ url: '/', headers: { host: 'localhost:9000' } })
  t.assert.ok(body.includes('curl -X POST http://localhost:9000/ '), body)
  t.assert.ok(body.includes('http://localhost:9000/mcp'), body)
})

test('markup in the Host header does not reach the page', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const { body } = await app.inject({ url: '/', headers: { host: 'x"><script>alert(1)</script>' } })
  t.assert.ok(!body.includes('<script'), body)
})

test('markup in X-Forwarded-Proto does not reach the page', async (t: TestContext) => {
  const { app } = await buildApp(t, { TRUST_PROXY: '127.0.0.1' })
  const page = async (protocol: string) =>
    (await app.inject({ url: '/', headers: { host: 'localhost', 'x-forwarded-proto': protocol } })).body
  t.assert.ok((await page('https')).includes('https://localhost/mcp'))
  t.assert.ok(!(await page('"><script>')).includes('<script'))
})

test('links to nothing that may not exist', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const { body } = await app.inject({ url: '/', headers: { host: 'localhost' } })
  const links = [...body.matchAll(/href="([^"]+)"/g)].map(([, link = '']) => link)
  t.assert.deepEqual(
    links.filter((link) => !link.startsWith('/')),
    ['https://modelcontextprotocol.io'],
  )
  for (const url of links.filter((link) => link.startsWith('/'))) {
    t.assert.equal((await app.inject({ url })).statusCode, 200, url)
  }
})
