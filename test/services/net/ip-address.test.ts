import { describe, type TestContext, test } from 'node:test'
import { normalizeAddress, rateLimitPrefix } from '../../../services/net/ip-address.ts'

describe('an address', () => {
  for (const [address, plain, network] of [
    ['10.1.2.3', '10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3', '10.1.2.3'],
    ['::FFFF:0a01:203', '10.1.2.3', '10.1.2.3'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3', '10.1.2.3'],
    ['2001:DB8::1', '2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:ffff::9', '2001:db8:0:0:ffff::9', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['64:ff9b::10.1.2.3', '64:ff9b::10.1.2.3', '64:ff9b:0:0::/64'],
    ['fe80::1%eth0', 'fe80::1', 'fe80:0:0:0::/64'],
    ['::1', '::1', '0:0:0:0::/64'],
    ['1::', '1::', '1:0:0:0::/64'],
    ['10.1.2.3:55555', '10.1.2.3', '10.1.2.3'],
    ['[2001:db8::1]:443', '2001:db8::1', '2001:db8:0:0::/64'],
    ['[2001:db8::1]', '2001:db8::1', '2001:db8:0:0::/64'],
    ['nonsense', 'unknown', 'unknown'],
    ['10.1.2', 'unknown', 'unknown'],
    ['', 'unknown', 'unknown'],
    [undefined, 'unknown', 'unknown'],
  ] as const) {
    test(`${address} is ${plain}, of ${network}`, (t: TestContext) => {
      t.assert.equal(normalizeAddress(address), plain)
      t.assert.equal(rateLimitPrefix(address), network)
    })
  }
})
