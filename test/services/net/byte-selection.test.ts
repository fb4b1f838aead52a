import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Representation, selectBytes } from '../../../services/net/byte-selection.ts'
import { checkProperty } from '../../support/property.ts'

const rep: Representation = { bytes: 100, etag: '"abc"', lastModified: 'Thu, 26 Nov 2026 23:00:00 GMT' }
const earlier = 'Thu, 26 Nov 2026 22:59:59 GMT'
const later = 'Thu, 26 Nov 2026 23:00:01 GMT'

const whole = { status: 200, from: 0, to: 100 }
const select = (headers: Record<string, string>, method = 'GET', representation = rep) =>
  selectBytes({ method, headers }, representation)
const range = (value: string) => select({ range: value })

test('a single range is the bytes that it names, within the image', (t: TestContext) => {
  const cases: [string, number, number][] = [
    ['bytes=0-0', 0, 1],
    ['bytes=0-99', 0, 100],
    ['bytes=0-1000', 0, 100],
    ['bytes=99-', 99, 100],
    ['bytes=-1', 99, 100],
    ['bytes=-100', 0, 100],
    ['bytes=-5000', 0, 100],
    ['bytes=5-5', 5, 6],
    ['BYTES=10-19', 10, 20],
    [' bytes=10-19 ', 10, 20],
    ['bytes=010-0019', 10, 20],
    ['bytes=1-99999999999999999999999999', 1, 100],
  ]
  for (const [value, from, to] of cases) t.assert.deepEqual(range(value), { status: 206, from, to }, value)
})

test('a range that begins behind the image is not satisfiable', (t: TestContext) => {
  for (const value of ['bytes=100-', 'bytes=100-200', 'bytes=99999999999999999999-', 'bytes=-0']) {
    t.assert.deepEqual(range(value), { status: 416 }, value)
  }
})

test('several ranges and what is no range get the whole image', (t: TestContext) => {
  for (const value of [
    'bytes=0-1,5-6',
    'bytes=5-4',
    'bytes=-',
    'bytes=',
    'bytes',
    'bytes=a-b',
    'bytes=1-2x',
    'bytes=0x1-0x2',
    'bytes=--5',
    'bytes=+1-2',
    'bytes=1.5-2',
    'items=0-1',
    '',
    '0-1',
    'bytes = 0-1',
  ]) {
    t.assert.deepEqual(range(value), whole, value)
  }
})

test('any valid range selects what it says of the bytes', async (t: TestContext) => {
  const position = fc.oneof(fc.nat(40), fc.nat())
  const property = fc.property(
    fc.integer({ min: 1, max: 30 }),
    fc.option(position, { nil: undefined }),
    fc.option(position, { nil: undefined }),
    (bytes, first, last) => {
      fc.pre(first !== undefined || last !== undefined)
      const all = Array.from({ length: bytes }, (_unused, at) => at)
      const {
        status,
        from = 0,
        to = 0,
      } = select({ range: `bytes=${first ?? ''}-${last ?? ''}` }, 'GET', { ...rep, bytes })
      if (first !== undefined && last !== undefined && last < first) {
        t.assert.deepEqual([status, from, to], [200, 0, bytes])
        return
      }
      const expected =
        first === undefined
          ? all.filter((at) => at >= bytes - (last ?? 0))
          : all.filter((at) => at >= first && at <= (last ?? bytes))
      t.assert.deepEqual(all.slice(from, to), expected)
      t.assert.equal(status, expected.length === 0 ? 416 : 206)
    },
  )
  await checkProperty(t, property, { numRuns: 1000 })
})

test('whatever stands in the headers, the selection lies within the image', async (t: TestContext) => {
  const value = fc.oneof(
    fc.string(),
    fc.stringMatching(/^bytes=[-,\d ]{0,20}$/),
    fc.constantFrom(rep.etag, `W/${rep.etag}`, '*', earlier, later, rep.lastModified, ''),
  )
  const headers = fc.record(
    {
      range: value,
      'if-range': value,
      'if-match': value,
      'if-none-match': value,
      'if-modified-since': value,
      'if-unmodified-since': value,
    },
    { requiredKeys: [] },
  )
  const property = fc.property(headers, fc.constantFrom('GET', 'HEAD'), (sent, method) => {
    const { status, from, to } = select(sent, method)
    if (from === undefined) t.assert.ok([304, 412, 416].includes(status))
    else t.assert.ok(from >= 0 && from < to && to <= 100 && (status === 206 || to - from === 100))
  })
  await checkProperty(t, property, { numRuns: 2000 })
})

test('HEAD ignores ranges', (t: TestContext) => {
  t.assert.deepEqual(select({ range: 'bytes=0-0' }, 'HEAD'), whole)
  t.assert.deepEqual(select({ range: 'bytes=100-' }, 'HEAD'), whole)
})

test('If-Range continues only the same version', (t: TestContext) => {
  const continued = { status: 206, from: 0, to: 1 }
  for (const [condition, expected, representation] of [
    [rep.etag, continued, rep],
    [rep.lastModified, continued, rep],
    ['"other"', whole, rep],
    [`W/${rep.etag}`, whole, rep],
    ['abc', whole, rep],
    [earlier, whole, rep],
    [later, whole, rep],
    ['', whole, rep],
    // A weak validator says nothing about single bytes.
    ['W/"abc"', whole, { ...rep, etag: 'W/"abc"' }],
  ] as const) {
    t.assert.deepEqual(
      select({ range: 'bytes=0-0', 'if-range': condition }, 'GET', representation),
      expected,
      condition,
    )
  }
})

test('a client that has the image gets 304, also for a range', (t: TestContext) => {
  for (const headers of [
    { 'if-none-match': rep.etag },
    { 'if-none-match': `W/${rep.etag}` },
    { 'if-none-match': `"x", ${rep.etag}` },
    { 'if-none-match': '*' },
    { 'if-none-match': rep.etag, 'if-modified-since': earlier },
    { 'if-none-match': rep.etag, range: 'bytes=0-0' },
    { 'if-modified-since': rep.lastModified },
    { 'if-modified-since': later },
  ]) {
    for (const method of ['GET', 'HEAD']) t.assert.deepEqual(select(headers, method), { status: 304 })
  }
  for (const headers of [
    { 'if-none-match': '"x"' },
    { 'if-none-match': '"x"', 'if-modified-since': later },
    { 'if-none-match': 'abc' },
    { 'if-none-match': '' },
    { 'if-modified-since': earlier },
    { 'if-modified-since': 'yesterday' },
  ]) {
    t.assert.deepEqual(select(headers), whole, JSON.stringify(headers))
  }
})

test('a request for another version than the current one gets 412', (t: TestContext) => {
  for (const headers of [
    { 'if-match': '"x"' },
    { 'if-match': `W/${rep.etag}` },
    { 'if-match': '"x"', 'if-unmodified-since': later },
    { 'if-unmodified-since': earlier },
  ]) {
    t.assert.deepEqual(select(headers), { status: 412 }, JSON.stringify(headers))
  }
  for (const headers of [
    { 'if-match': rep.etag },
    { 'if-match': '*' },
    { 'if-match': `"x" , ${rep.etag}` },
    { 'if-match': rep.etag, 'if-unmodified-since': earlier },
    { 'if-unmodified-since': rep.lastModified },
    { 'if-unmodified-since': 'yesterday' },
  ]) {
    t.assert.deepEqual(select(headers), whole, JSON.stringify(headers))
  }
})
