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

test('names the invalid entry of a list', (t: TestContext) => {
  t.assert.throws(() => policy('::', 'https://images.example'), /"https:\/\/images.example" is not a host name/)
  t.assert.throws(() => policy('::', undefined, 'app.example'), /"app.example" is not an origin/)
  t.assert.throws(() => policy('::', undefined, 'https://app.example/'), InvalidValueError)
})
