import { type TestContext, test } from 'node:test'
import { describeAge, parseTime } from '../../../services/parameters/times.ts'

const now = Date.UTC(2026, 10, 26, 12)
const HOUR = 3_600_000

for (const [text, startsAt, endsAt = startsAt] of [
  ['2h', now - 2 * HOUR],
  ['30 m', now - HOUR / 2],
  ['7d ago', now - 7 * 24 * HOUR],
  ['2026-11-26', Date.UTC(2026, 10, 26), Date.UTC(2026, 10, 27)],
  ['2026-11-26T08:00:00Z', Date.UTC(2026, 10, 26, 8)],
  ['2026-11-26 08:00', Date.UTC(2026, 10, 26, 8)],
  ['2026-11-26T08:00:00+02:00', Date.UTC(2026, 10, 26, 6)],
  ['999999w', 0],
] as const) {
  test(`${text} is a time`, (t: TestContext) => {
    t.assert.deepEqual(parseTime('since', text, now), { startsAt, endsAt })
  })
}

for (const text of [
  '',
  'yesterday',
  '2026-02-30',
  '2026-13-01',
  '2h30',
  '1e3d',
  '-2h',
  '2026-11-26T25:00',
  '9'.repeat(400),
]) {
  test(`${text.slice(0, 20) || 'a blank text'} is none, and the message shows what is`, (t: TestContext) => {
    t.assert.throws(() => parseTime('since', text, now), /"since" must be an age such as 30m/)
  })
}

test('an age is told in the unit that fits', (t: TestContext) => {
  const ages = [0, 59_999, 60_000, HOUR - 1, HOUR, 47 * HOUR, 48 * HOUR, 30 * 24 * HOUR].map(describeAge)
  t.assert.deepEqual(ages, [
    'just now',
    'just now',
    '1 min ago',
    '59 min ago',
    '1 h ago',
    '47 h ago',
    '2 days ago',
    '30 days ago',
  ])
})
