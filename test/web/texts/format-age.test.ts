import { describe, type TestContext, test } from 'node:test'
import { formatAge } from '../../../web/texts/format-age.ts'

const now = Date.UTC(2026, 10, 27, 12)
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

describe('the age of an image', () => {
  test('in words up to 30 days, then the day', (t: TestContext) => {
    t.assert.deepStrictEqual(
      [0, 59_000, MINUTE, 90 * MINUTE, DAY, 29 * DAY, 31 * DAY].map((age) => formatAge(now - age, now, 'en')),
      ['now', 'now', '1 minute ago', '1 hour ago', 'yesterday', '29 days ago', 'Oct 27, 2026'],
    )
    t.assert.deepStrictEqual(
      [0, 5 * MINUTE, 3 * 60 * MINUTE, DAY, 31 * DAY].map((age) => formatAge(now - age, now, 'zh')),
      ['现在', '5分钟前', '3小时前', '昨天', '2026年10月27日'],
    )
  })

  test('an image from a clock that runs ahead is from now', (t: TestContext) => {
    t.assert.strictEqual(formatAge(now + DAY, now, 'en'), 'now')
  })
})
