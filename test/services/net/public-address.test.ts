import { describe, type TestContext, test } from 'node:test'
import { isPublicAddress } from '../../../services/net/public-address.ts'

describe('isPublicAddress', () => {
  for (const address of [
    '127.0.0.1',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::a00:1',
  ]) {
    test(`${address} is not public`, (t: TestContext) => t.assert.equal(isPublicAddress(address), false))
  }
  for (const address of ['20.60.1.1', '1.1.1.1', '172.32.0.1', '2603:1030::1', '::ffff:20.60.1.1']) {
    test(`${address} is public`, (t: TestContext) => t.assert.equal(isPublicAddress(address), true))
  }
})
