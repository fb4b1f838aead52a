import { describe, type TestContext, test } from 'node:test'
import { formatBytes, formatDuration, formatSize, formatUsd } from '../../../web/texts/format.ts'

describe('people read', () => {
  test('prices with the digits that count', (t: TestContext) => {
    const all = [0, 0.0042, 0.04, 0.063, 0.21, 1.5, 1234.5].map((usd) => formatUsd(usd, 'en'))
    t.assert.deepStrictEqual(all, ['US$0.00', 'US$0.0042', 'US$0.04', 'US$0.063', 'US$0.21', 'US$1.50', 'US$1,234.50'])
  })

  test('durations in seconds, and in minutes from one and a half', (t: TestContext) => {
    t.assert.deepStrictEqual(
      [1, 40_000, 89_000, 91_000].map((ms) => formatDuration(ms, 'en')),
      ['1 sec', '40 sec', '89 sec', '2 min'],
    )
    t.assert.match(formatDuration(40_000, 'zh'), /^40\s?秒/)
  })

  test('sizes of files and images', (t: TestContext) => {
    t.assert.deepStrictEqual(
      [900, 98_500, 1_234_567].map((bytes) => formatBytes(bytes, 'en')),
      ['0.9 kB', '99 kB', '1.2 MB'],
    )
    t.assert.strictEqual(formatSize({ width: 4, height: 3 }), '4 × 3')
  })
})
