import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Price } from '../../../schemas/models.ts'
import { modelTable } from '../../../services/azure/models/table.ts'
import { costOf, readUsage } from '../../../services/azure/usage.ts'
import { checkProperty } from '../../support/property.ts'

const price: Price = { asOf: '2026-11-01', textIn: 5, textInCached: 1.25, imageIn: 8, imageInCached: 2, imageOut: 30 }
const million = 1_000_000

function costOfBody(usage: unknown, { operation = 'edit' as const, rates = price, images = 1 } = {}) {
  return costOf(rates, { operation, images, usage: readUsage({ usage }) })
}

describe('cached input is counted at its own rate', () => {
  const input = { input_tokens: 3 * million, output_tokens: million }
  const split = { text_tokens: million, image_tokens: 2 * million }
  const cases: readonly [string, object, number][] = [
    ['no input is cached', { input_tokens_details: split }, 5 + 16 + 30],
    [
      'text and image are reported apart',
      {
        input_tokens_details: {
          ...split,
          cached_tokens: 1.5 * million,
          cached_tokens_details: { text_tokens: 0.5 * million, image_tokens: million },
        },
      },
      2.5 + 0.625 + 8 + 2 + 30,
    ],
    [
      'only the sum is reported: text first',
      { input_tokens_details: { ...split, cached_tokens: 1.5 * million } },
      1.25 + 12 + 1 + 30,
    ],
    [
      'one kind and the sum are reported',
      { input_tokens_details: { ...split, cached_tokens: million, cached_tokens_details: { image_tokens: million } } },
      5 + 8 + 2 + 30,
    ],
    ['more is cached than was sent', { input_tokens_details: { ...split, cached_tokens: 9 * million } }, 1.25 + 4 + 30],
    [
      'the names are those of chat completions',
      { prompt_tokens_details: { ...split, cached_tokens: million, cached_tokens_details: null } },
      1.25 + 16 + 30,
    ],
    ['the details are zeros', { input_tokens_details: { text_tokens: 0, image_tokens: 0 } }, 24 + 30],
    ['the details are null', { input_tokens_details: null }, 24 + 30],
    [
      'a detail is odd',
      { input_tokens_details: { ...split, cached_tokens: { odd: 1 }, cached_tokens_details: [] } },
      5 + 16 + 30,
    ],
  ]
  for (const [what, usage, expected] of cases) {
    test(what, (t: TestContext) => {
      t.assert.equal(costOfBody({ ...input, ...usage })?.toFixed(6), expected.toFixed(6))
    })
  }

  test('without a rate for it, it costs as much as the rest', (t: TestContext) => {
    const { textInCached: _text, imageInCached: _image, ...rates } = price
    const usage = { ...input, input_tokens_details: { ...split, cached_tokens: 2 * million } }
    t.assert.equal(costOfBody(usage, { rates }), 51)
  })

  test('cached input never makes a call dearer, and never free', async (t: TestContext) => {
    const amount = fc.nat({ max: 100_000 })
    const property = fc.property(amount, amount, amount, fc.nat({ max: 100_000 }), (text, image, cached, out) => {
      const details = { text_tokens: text, image_tokens: image }
      const whole = { input_tokens_details: details, output_tokens: out + 1 }
      const full = costOfBody(whole) ?? Number.NaN
      const reduced =
        costOfBody({ ...whole, input_tokens_details: { ...details, cached_tokens: cached } }) ?? Number.NaN
      t.assert.ok(reduced <= full && reduced >= full / 4 && reduced > 0, `${full} ${reduced}`)
    })
    await checkProperty(t, property, { numRuns: 1000 })
  })
})

describe('a cost that is not known is unknown, not zero', () => {
  const usage = { input_tokens_details: { text_tokens: 10, image_tokens: 20 }, output_tokens: 30 }
  const cases: readonly [string, number | undefined][] = [
    ['without a price', costOf(undefined, { operation: 'edit', images: 1, usage: readUsage({ usage }) })],
    [
      'with a price without the rate of the output',
      costOfBody(usage, { rates: { asOf: '2026-11-01', textIn: 1, imageIn: 1 } }),
    ],
    [
      'with a price without the rate of the input',
      costOfBody(usage, { rates: { asOf: '2026-11-01', imageIn: 1, imageOut: 1 } }),
    ],
    ['without usage', costOfBody(undefined)],
    ['without output', costOfBody({ ...usage, output_tokens: null })],
    ['with no output, although there is an image', costOfBody({ input_tokens: 5, output_tokens: 0 })],
    [
      'without megapixels',
      costOf({ asOf: '2026-11-01', megapixelOut: 1 }, { operation: 'edit', images: 1, usage: {} }),
    ],
    [
      'with megapixels of a kind without a price',
      costOf(
        { asOf: '2026-11-01', megapixelOut: 1 },
        { operation: 'edit', images: 1, usage: { megapixelsIn: 1, megapixelsOut: 1 } },
      ),
    ],
  ]
  for (const [what, found] of cases) {
    test(what, (t: TestContext) => t.assert.equal(found, undefined))
  }

  test('a rate of zero is a price', (t: TestContext) => {
    t.assert.equal(costOfBody(usage, { rates: { asOf: '2026-11-01', textIn: 0, imageIn: 0, imageOut: 0 } }), 0)
    t.assert.equal(costOfBody(undefined, { rates: { asOf: '2026-11-01', image: 0.04 }, images: 3 }), 0.12)
  })
})

test('every gpt-image model has rates for cached input', (t: TestContext) => {
  for (const { id, price: rates } of modelTable.filter((model) => model.id.startsWith('gpt-image'))) {
    t.assert.ok((rates?.textInCached ?? 0) > 0 && (rates?.imageInCached ?? 0) > 0, id)
  }
})
