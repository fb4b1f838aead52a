import { type TestContext, test } from 'node:test'
import { InvalidValueError } from '../../../services/errors/app-error.ts'
import { createOriginPolicy, parseAllowedHosts, parseAllowedOrigins } from '../../../services/net/origin-policy.ts'

const policy = (boundHost: string, allowedHosts?: string, allowedOrigins?: string) =>
  createOriginPolicy({
    host: boundHost,
    allowedHosts: parseAllowedHosts(allowedHosts),
    allowedOrigins: parseAllowedOrigins(allowedOrigins),
  })

const LOCAL_NAMES = [
  'localhost',
  'localhost:8000',
  '127.0.0.1:8000',
  '127.1.2.3',
  '[::1]:8000',
  'a.localhost',
  'LOCALHOST',
]
const UNTRUSTED_NAMES = [
  'evil.example',
  'localhost.evil.example',
  '192.168.1.5:8000',
  '[::2]',
  '127.0.0.1.evil.example',
]

for (const bound of ['127.0.0.1', 'localhost', '::1']) {
  test(`a service on ${bound} accepts local names only`, (t: TestContext) => {
    for (const name of LOCAL_NAMES) t.assert.ok(policy(bound).allowsHost(name), name)
    for (const name of [...UNTRUSTED_NAMES, undefined, '', 'a b', 'user@localhost', 'localhost/x']) {
      t.assert.ok(!policy(bound).allowsHost(name), String(name))
    }
  })
}

test('a service on another address accepts any name unless the operator lists some', (t: TestContext) => {
  for (const name of UNTRUSTED_NAMES) t.assert.ok(policy('0.0.0.0').allowsHost(name), name)
  const listed = policy('0.0.0.0', 'images.example, *.corp.example:8443')
  for (const name of ['images.example', 'images.example:443', 'a.corp.example:8443', 'localhost']) {
    t.assert.ok(listed.allowsHost(name), name)
  }
  for (const name of ['a.corp.example', 'corp.example:8443', 'evil.example', 'x.images.example']) {
    t.assert.ok(!listed.allowsHost(name), name)
  }
})

test('a listed host name is the same with and without the dot of the DNS root', (t: TestContext) => {
  for (const listed of ['images.example, *.corp.example:8443', 'images.example., *.corp.example.:8443']) {
    for (const name of ['images.example', 'images.example.', 'images.example.:80', 'a.corp.example.:8443']) {
      t.assert.ok(policy('0.0.0.0', listed).allowsHost(name), `${name} by ${listed}`)
    }
    for (const name of [
      'images.example..',
      'evil.images.example.',
      'images.example.evil.',
      '.',
      'corp.example.:8443',
    ]) {
      t.assert.ok(!policy('0.0.0.0', listed).allowsHost(name), `${name} by ${listed}`)
    }
  }
  t.assert.ok(!policy('127.0.0.1').allowsHost('localhost.:8000'))
})

test('accepts local and listed origins, and clients without an origin', (t: TestContext) => {
  const listed = policy('0.0.0.0', 'images.example', 'https://app.example:8443')
  for (const origin of [
    undefined,
    'http://localhost:6274',
    'http://127.0.0.1',
    'http://[::1]:3000',
    'https://images.example',
    'https://app.example:8443',
  ]) {
    t.assert.ok(listed.allowsOrigin(origin), String(origin))
  }
  for (const origin of [
    'https://app.example',
    'http://evil.example',
    'null',
    'localhost',
    'http://localhost/',
    'file://',
  ]) {
    t.assert.ok(!listed.allowsOrigin(origin), origin)
  }
})

test('origins of browser extensions and desktop apps can be allowed, each with its own scheme, host and port', (t: TestContext) => {
  const origins = [
    'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
    'moz-extension://9a7c3a52-3c1d-4c0e-9d7e-8e2b1d1f0a01',
    'safari-web-extension://4B0B3D77-2F4E-4D3A-8F5B-6E3A3C1C9A11',
    'tauri://localhost',
    'app://obsidian.md',
    'vscode-file://vscode-app',
    'capacitor://localhost:8100',
    'https://[2001:db8::1]:8443',
  ]
  for (const origin of origins) {
    t.assert.ok(policy('0.0.0.0', undefined, origins.join(', ')).allowsOrigin(origin), origin)
    t.assert.ok(policy('0.0.0.0', undefined, origin).allowsOrigin(origin), origin)
    t.assert.ok(!policy('0.0.0.0').allowsOrigin(origin), `${origin} is not allowed by default`)
    t.assert.ok(!policy('0.0.0.0', undefined, 'app://other').allowsOrigin(origin), origin)
    t.assert.ok(!policy('0.0.0.0', undefined, origin).allowsOrigin(`${origin}x`), `${origin}x`)
    t.assert.ok(!policy('0.0.0.0', undefined, origin).allowsOrigin(origin.replace(':', 's:')), origin)
  }
})

test('*. in an allowed origin matches subdomains of the same scheme and port', (t: TestContext) => {
  const listed = policy('0.0.0.0', undefined, 'https://*.example.com, http://*.dev.example:3000, app://*.md')
  for (const origin of [
    'https://a.example.com',
    'https://b.a.example.com',
    'http://x.dev.example:3000',
    'app://a.md',
  ]) {
    t.assert.ok(listed.allowsOrigin(origin), origin)
  }
  for (const origin of [
    'https://example.com',
    'https://a.example.com:8443',
    'http://a.example.com',
    'https://a.example.com.evil.example',
    'https://evilexample.com',
    'http://x.dev.example',
    'https://*.example.com',
    'app://md',
    'null',
    '',
  ]) {
    t.assert.ok(!listed.allowsOrigin(origin), origin)
  }
})

test('an allowed origin may be written in upper case and with the standard port', (t: TestContext) => {
  t.assert.ok(policy('::', undefined, 'HTTPS://App.Example:443').allowsOrigin('https://app.example'))
  t.assert.ok(policy('::', undefined, 'https://bücher.example').allowsOrigin('https://xn--bcher-kva.example'))
})

test('what is not scheme://host[:port] is rejected at start', (t: TestContext) => {
  for (const entry of [
    '*',
    'null',
    'app.example',
    '*.example.com',
    'https://',
    'https://*',
    'https://*.',
    'https://*.*.example',
    'https://a.*.example',
    'https://app.example/',
    'https://app.example/path',
    'https://user@app.example',
    'https://app.example?x',
    'https://app.example:99999',
    'https://app example',
    'https:app.example',
    'file://',
    'file:///x',
    'chrome-extension://*',
    'data:text/html,x',
    '://app.example',
    '1app://x',
  ]) {
    t.assert.throws(() => parseAllowedOrigins(entry), InvalidValueError, entry)
  }
})

test('names the invalid entry of a list', (t: TestContext) => {
  t.assert.throws(() => policy('::', 'https://images.example'), /"https:\/\/images.example" is not a host name/)
  t.assert.throws(() => policy('::', undefined, 'app.example'), /"app.example" is not an origin/)
  t.assert.throws(() => policy('::', undefined, 'https://app.example/'), InvalidValueError)
})
