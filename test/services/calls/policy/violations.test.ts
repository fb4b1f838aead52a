import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Quote } from '../../../../services/azure/types.ts'
import { parsePolicy } from '../../../../services/calls/policy/policy-file.ts'
import { violationOf } from '../../../../services/calls/policy/violations.ts'
import { checkProperty } from '../../../support/property.ts'

const quote: Quote = {
  deployment: 'main',
  model: 'gpt-image-2',
  size: { width: 1024, height: 1024 },
  maxPixels: 1024 * 1024,
  quality: 'medium',
  count: 1,
  listUsd: 0.05,
  maxUsd: 0.06,
  waitMs: 0,
}

const problem = (rule: object, changes: Partial<Quote> = {}) =>
  violationOf(parsePolicy({ rules: [{ name: 'r', ...rule }] }).rules, { ...quote, ...changes })?.problem

test('a rule allows models by the name of the model or of the deployment, in any case', (t: TestContext) => {
  t.assert.strictEqual(problem({ models: ['GPT-IMAGE-2'] }), undefined)
  t.assert.strictEqual(problem({ models: ['Main'] }), undefined)
  t.assert.strictEqual(problem({ models: ['other', 'more'] }), 'it allows only other, more')
})

test('a model that would choose the quality or the size itself needs a request that the rule allows', (t: TestContext) => {
  t.assert.strictEqual(problem({ qualities: ['low', 'medium'] }), undefined)
  t.assert.strictEqual(problem({ qualities: ['low'] }), 'it allows only the quality low')
  t.assert.match(String(problem({ qualities: ['low'] }, { quality: 'auto' })), /^request the quality low, since/)
  t.assert.strictEqual(problem({ qualities: ['low'] }, { quality: undefined }), undefined)
  t.assert.strictEqual(problem({ max_pixels: 1024 * 1024 }), undefined)
  t.assert.match(String(problem({ max_pixels: 500_000 })), /^request at most 500000 pixels, such as 707x707, not 1024/)
  const unsized = { size: undefined, maxPixels: 8_294_400 }
  t.assert.match(String(problem({ max_pixels: 1_048_576 }, unsized)), /since the model would choose the size$/)
  t.assert.strictEqual(problem({ max_pixels: 9_000_000 }, unsized), undefined)
  t.assert.notStrictEqual(problem({ max_pixels: 9_000_000 }, { size: undefined, maxPixels: undefined }), undefined)
})

test('a budget needs a price', (t: TestContext) => {
  const unknown = { listUsd: undefined, maxUsd: undefined }
  t.assert.match(String(problem({ usd_per_month: 5 }, unknown)), /price of this call is unknown/)
  t.assert.strictEqual(problem({ usd_per_day: 5, price_unknown_usd: 0.1 }, unknown), undefined)
  t.assert.strictEqual(problem({ images_per_day: 5 }, unknown), undefined)
})

test('rules hold together: a call is allowed if each of them allows it alone', async (t: TestContext) => {
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
  const rule = fc.record({
    models: maybe(fc.constantFrom(['main'], ['gpt-image-2', 'x'], ['x'])),
    qualities: maybe(fc.constantFrom(['low'], ['medium', 'auto'])),
    max_pixels: maybe(fc.constantFrom(1, 1_048_576, 4_000_000)),
    max_n: maybe(fc.integer({ min: 1, max: 3 })),
    usd_per_day: maybe(fc.constant(1)),
    price_unknown_usd: maybe(fc.constant(1)),
  })
  const asked = fc.record({
    count: fc.integer({ min: 1, max: 4 }),
    quality: fc.constantFrom('low', 'medium', 'auto', undefined),
    maxPixels: fc.constantFrom(1_048_576, 2_000_000, undefined),
    maxUsd: fc.constantFrom(0.1, undefined),
  })
  const property = fc.property(fc.array(rule, { maxLength: 4 }), asked, (rules, changes) => {
    const given = rules.map((each) =>
      Object.fromEntries(Object.entries(each).filter(([, value]) => value !== undefined)),
    )
    const parsed = parsePolicy({ rules: given }).rules
    const whole = violationOf(parsed, { ...quote, ...changes })
    const alone = parsed.map((each) => violationOf([each], { ...quote, ...changes })).find((each) => each !== undefined)
    return whole?.rule === alone?.rule && whole?.problem === alone?.problem
  })
  await checkProperty(t, property, { numRuns: 500 })
})
