import { type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'

test('every response that a browser may show has the security headers', async (t: TestContext) => {
  const { app } = await buildApp(t)
  for (const url of [
    '/',
    '/health',
    '/ready',
    '/metrics',
    '/mcp',
    '/studio',
    '/nothing',
    '/%2e%2e/x',
    '/.env',
    '/%zz',
  ]) {
    const { headers } = await app.inject(url)
    t.assert.equal(headers['x-content-type-options'], 'nosniff', url)
    t.assert.equal(headers['x-frame-options'], 'DENY', url)
    t.assert.equal(headers['referrer-policy'], 'no-referrer', url)
    t.assert.match(String(headers['content-security-policy']), /^default-src 'none'.*frame-ancestors 'none'/, url)
    t.assert.equal(headers['x-powered-by'], undefined)
    t.assert.equal(headers.server, undefined)
  }
})

test('a malformed URL is not repeated in the response or the log', async (t: TestContext) => {
  const { app, logs } = await buildApp(t)
  const response = await app.inject('/%zz?key=somebody-s-key')
  t.assert.equal(response.statusCode, 400)
  t.assert.equal(response.json().message, 'The URL cannot be decoded.')
  t.assert.doesNotMatch(response.body + logs.text, /somebody/)
})
