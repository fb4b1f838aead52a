import { type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'

test('shows calls to the address under which the page was asked for', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const { body } = await app.inject({ url: '/', headers: { host: 'localhost:9000' } })
  t.assert.ok(body.includes('curl -X POST http://localhost:9000/ '), body)
  t.assert.ok(body.includes('http://localhost:9000/mcp'), body)
})

test('a host that is markup is not', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const { body } = await app.inject({ url: '/', headers: { host: 'x"><script>alert(1)</script>' } })
  t.assert.ok(!body.includes('<script'), body)
})

test('a protocol that is markup is not, whoever the proxy is', async (t: TestContext) => {
  const { app } = await buildApp(t, { TRUST_PROXY: '127.0.0.1' })
  const page = async (protocol: string) =>
    (await app.inject({ url: '/', headers: { host: 'localhost', 'x-forwarded-proto': protocol } })).body
  t.assert.ok((await page('https')).includes('https://localhost/mcp'))
  t.assert.ok(!(await page('"><script>')).includes('<script'))
})
