import { describe, type TestContext, test } from 'node:test'
import { isLocal, isPrivate, isPublic, normalizeAddress, rateLimitPrefix } from '../../../services/net/ip-address.ts'

describe('normalizeAddress and rateLimitPrefix', () => {
  for (const [address, normal, prefix] of [
    ['10.1.2.3', '10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3', '10.1.2.3'],
    ['::FFFF:0a01:203', '10.1.2.3', '10.1.2.3'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3', '10.1.2.3'],
    ['2001:DB8::1', '2001:db8::1', '2001:db8::/64'],
    ['2001:0db8:0:0:0:0:0:1', '2001:db8::1', '2001:db8::/64'],
    ['2001:db8:0:0:ffff::9', '2001:db8::ffff:0:0:9', '2001:db8::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['64:ff9b::10.1.2.3', '64:ff9b::a01:203', '64:ff9b::/64'],
    ['fe80::1%eth0', 'fe80::1', 'fe80::/64'],
    ['::1', '::1', '::/64'],
    ['1::', '1::', '1::/64'],
    ['10.1.2.3:55555', '10.1.2.3', '10.1.2.3'],
    ['[2001:db8::1]:443', '2001:db8::1', '2001:db8::/64'],
    ['[2001:db8::1]', '2001:db8::1', '2001:db8::/64'],
    ['nonsense', 'unknown', 'unknown'],
    ['10.1.2', 'unknown', 'unknown'],
    ['0x7f000001', 'unknown', 'unknown'],
    ['', 'unknown', 'unknown'],
    [undefined, 'unknown', 'unknown'],
  ] as const) {
    test(`${address} is ${normal}, limited as ${prefix}`, (t: TestContext) => {
      t.assert.equal(normalizeAddress(address), normal)
      t.assert.equal(rateLimitPrefix(address), prefix)
    })
  }
})

describe('isLocal', () => {
  for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]', '::ffff:127.0.0.1']) {
    test(`${host} is local`, (t: TestContext) => t.assert.equal(isLocal(host), true))
  }
  for (const host of ['localhost.evil.example', '127.1', '10.0.0.1', '[::2]', '0.0.0.0', '::', '']) {
    test(`${host} is not local`, (t: TestContext) => t.assert.equal(isLocal(host), false))
  }
})

describe('isPrivate', () => {
  const addresses = ['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.0.1', '169.254.1.1', '::1', 'fd00::1', 'fe80::1']
  for (const address of [...addresses, 'fe80::1%eth0', '::ffff:10.0.0.1', '::ffff:a00:1']) {
    test(`${address} is private`, (t: TestContext) => t.assert.equal(isPrivate(address), true))
  }
  for (const address of ['172.32.0.1', '8.8.8.8', '100.64.0.1', '2603:1030::1', '::ffff:8.8.8.8', 'nonsense']) {
    test(`${address} is not private`, (t: TestContext) => t.assert.equal(isPrivate(address), false))
  }
})

describe('isPublic', () => {
  for (const address of [
    '127.0.0.1',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.88.99.1',
    '198.18.0.1',
    '203.0.113.9',
    '224.0.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '::1',
    '::',
    '::7f00:1',
    '::127.0.0.1',
    'fe80::1',
    'fec0::1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::a00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'ff02::1',
    '4000::1',
    'nonsense',
  ]) {
    test(`${address} is not public`, (t: TestContext) => t.assert.equal(isPublic(address), false))
  }
  for (const address of ['20.60.1.1', '1.1.1.1', '172.32.0.1', '2603:1030::1', '2a00:1450::1', '::ffff:20.60.1.1']) {
    test(`${address} is public`, (t: TestContext) => t.assert.equal(isPublic(address), true))
  }
})
