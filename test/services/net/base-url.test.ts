import { type TestContext, test } from 'node:test'
import { baseUrlOf } from '../../../services/net/base-url.ts'

const allowsHost = (host: string) => host !== 'evil.example' && !host.includes('/')
const asked = { protocol: 'http', forwardedHost: 'images.example.com', host: 'internal:8000' }

test('the base of links is PUBLIC_URL, whatever the client asked for', (t: TestContext) => {
  const publicUrl = 'https://images.example.com/images-mcp'
  t.assert.equal(baseUrlOf(asked, { publicUrl, allowsHost }), publicUrl)
})

test('without PUBLIC_URL it is the scheme and the host that the client asked for', (t: TestContext) => {
  const options = { publicUrl: undefined, allowsHost }
  t.assert.equal(baseUrlOf(asked, options), 'http://images.example.com')
  t.assert.equal(baseUrlOf({ ...asked, protocol: 'https' }, options), 'https://images.example.com')
  t.assert.equal(baseUrlOf({ ...asked, protocol: 'javascript' }, options), 'http://images.example.com')
  t.assert.equal(baseUrlOf({ ...asked, forwardedHost: '[::1]:8000' }, options), 'http://[::1]:8000')
})

test('a forwarded host that is not allowed is replaced by the Host header', (t: TestContext) => {
  const options = { publicUrl: undefined, allowsHost }
  for (const forwardedHost of ['evil.example', 'images.example.com/x']) {
    t.assert.equal(baseUrlOf({ ...asked, forwardedHost }, options), 'http://internal:8000')
  }
})
