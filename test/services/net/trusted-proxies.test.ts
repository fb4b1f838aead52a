import { describe, type TestContext, test } from 'node:test'
import { InvalidValueError } from '../../../services/errors/app-error.ts'
import { parseTrustedProxies } from '../../../services/net/trusted-proxies.ts'

describe('trusted proxies', () => {
  test('trusts no proxy by default', (t: TestContext) => {
    t.assert.equal(parseTrustedProxies(undefined).has('127.0.0.1'), false)
  })

  test('trusts listed addresses and ranges of both families', (t: TestContext) => {
    const proxies = parseTrustedProxies('10.0.0.1, 172.16.0.0/12,fd00::/8')
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '172.20.1.1', 'fd12::1']) {
      t.assert.equal(proxies.has(address), true, address)
    }
    for (const address of ['10.0.0.2', '192.168.0.1', 'fe80::1', 'nonsense', '', '2001:db8::1%eth0', undefined]) {
      t.assert.equal(proxies.has(address), false, String(address))
    }
  })

  test('rejects values that would let any client choose its own address', (t: TestContext) => {
    for (const list of [
      'true',
      '1',
      '10.0.0.0/33',
      '10.0.0.0/8/9',
      '10.0.0.0/-1',
      '10.1/16',
      'proxy.example',
      '::/129',
    ]) {
      t.assert.throws(() => parseTrustedProxies(list), InvalidValueError, list)
    }
  })
})
