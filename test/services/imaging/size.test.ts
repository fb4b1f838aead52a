import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { normalizeSize, parseSize } from '../../../services/imaging/size.ts'
import { SIZE_PATTERN } from '../../../services/parameters/patterns.ts'
import { checkProperty } from '../../support/property.ts'

const runs = Number(process.env.PROPERTY_RUNS ?? 5000)
const pattern = new RegExp(SIZE_PATTERN)
const edge = fc.integer({ min: 1, max: 9_999_999 })
const blank = fc.stringMatching(/^[ \t\u00a0\u3000\u200b\u200e]{0,3}$/)

test('every size has one spelling', async (t: TestContext) => {
  const sign = fc.constantFrom('x', 'X', '*', '×', 'ｘ', '✕')
  await checkProperty(
    t,
    fc.property(fc.tuple(blank, edge, blank, sign, blank, edge, blank), (parts) => {
      const [, width, , , , height] = parts
      t.assert.equal(normalizeSize(parts.join('')), `${width}x${height}`)
      t.assert.deepEqual(parseSize(`${width}x${height}`), { width, height })
    }),
    { numRuns: runs },
  )
})

test('every ratio has one spelling, its shape', async (t: TestContext) => {
  const side = fc.integer({ min: 1, max: 9_999_999 })
  const sign = fc.constantFrom(':', '/', '：', '／')
  await checkProperty(
    t,
    fc.property(side, side, sign, blank, (width, height, colon, space) => {
      t.assert.equal(normalizeSize([width, colon, height].join(space)), `${width}:${height}`)
      t.assert.deepEqual(parseSize(`${width}:${height}`), { ratio: { width, height } })
    }),
    { numRuns: runs },
  )
})

test('a ratio with decimals is the same in integers', async (t: TestContext) => {
  const side = fc.integer({ min: 1, max: 99_999 })
  await checkProperty(
    t,
    fc.property(side, side, (width, height) => {
      const size = parseSize(normalizeSize(`${width / 100}:${height / 100}`))
      t.assert.ok(typeof size === 'object' && 'ratio' in size)
      t.assert.equal(size.ratio.width * height, size.ratio.height * width)
    }),
    { numRuns: runs },
  )
})

test('any text is either a size of positive edges or rejected by the published pattern', async (t: TestContext) => {
  const text = fc.oneof(
    fc.stringMatching(/^[0-9xX*:/.,+e aAutoO-]{0,12}$/),
    fc.string(),
    fc.constantFrom('AUTO', 'auto '),
  )
  await checkProperty(
    t,
    fc.property(text, (typed) => {
      const normalized = normalizeSize(typed)
      t.assert.equal(normalizeSize(normalized), normalized)
      if (!pattern.test(normalized)) return
      const size = parseSize(normalized)
      const { width, height } = size === 'auto' ? { width: 1, height: 1 } : 'ratio' in size ? size.ratio : size
      t.assert.ok(
        [width, height].every((value) => Number.isInteger(value) && value > 0 && value < 1e7),
        normalized,
      )
    }),
    { numRuns: runs },
  )
})
