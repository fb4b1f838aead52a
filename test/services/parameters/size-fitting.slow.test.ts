import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { SizeRule } from '../../../schemas/models.ts'
import { modelTable } from '../../../services/azure/models/table.ts'
import type { TargetSize } from '../../../services/imaging/size.ts'
import type { Size } from '../../../services/imaging/types.ts'
import { allowsSizes, fitSize, nearestRatio } from '../../../services/parameters/size-fitting.ts'
import { checkSize, findModel } from '../../../simulator/models.ts'
import { checkProperty } from '../../support/property.ts'

const ruleOf = (id: string): SizeRule => {
  const model = modelTable.find((row) => row.id === id)
  if (model === undefined) throw new Error(`no row ${id}`)
  return model.generateSize
}

describe('fitSize', () => {
  const cases: readonly [model: string, requested: string, fitted: string][] = [
    ['gpt-image-1.5', '1024x1024', '1024x1024'],
    ['gpt-image-1.5', '800x600', '1536x1024'],
    ['gpt-image-1.5', '1080x1920', '1024x1536'],
    ['gpt-image-1.5', '500x510', '1024x1024'],
    ['gpt-image-2', '1024x1024', '1024x1024'],
    ['gpt-image-2', '3840x2160', '3840x2160'],
    ['gpt-image-2', '512x512', '816x816'],
    ['gpt-image-2', '4000x100', '1440x480'],
    ['gpt-image-2', '12000x2000', '3840x1280'],
    ['FLUX.2-pro', '1000x750', '960x720'],
    ['FLUX.2-pro', '1920x1080', '1904x1072'],
    ['gpt-image-2', '1200x630', '1184x624'],
    ['MAI-Image-2.7', '900x800', '864x768'],
    ['FLUX.2-pro', '8192x8192', '2048x2048'],
    ['FLUX.2-pro', '300x200', '384x256'],
    ['FLUX-1.1-pro', '1920x1080', '1312x736'],
    ['MAI-Image-2.5', '800x600', '1024x768'],
    ['MAI-Image-2.5', '640x480', '1024x768'],
    ['MAI-Image-2.5', '1280x720', '1360x768'],
    ['MAI-Image-2.5', '1920x1080', '1360x768'],
    ['MAI-Image-2.6', '1536x1536', '1536x1536'],
    ['FLUX.1-Kontext-pro', '2048x2048', '1024x1024'],
    ['FLUX.1-Kontext-pro', '300x200', '384x256'],
  ]
  for (const [model, requested, fitted] of cases) {
    test(`${model} makes ${fitted} of ${requested}`, (t: TestContext) => {
      const [width = 0, height = 0] = requested.split('x').map(Number)
      const { width: across, height: down } = fitSize(ruleOf(model), { width, height })
      t.assert.equal(`${across}x${down}`, fitted)
    })
  }

  const edge = fc.oneof(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 9_999_999 }))
  const target = fc.record({ width: edge, height: edge, pixels: fc.option(edge, { nil: undefined }) })
  const rules = new Map(
    modelTable.flatMap(({ id, generateSize, editSize }) =>
      [generateSize, editSize].map((rule) => [JSON.stringify(rule), { id, rule }] as const),
    ),
  )
  for (const { id, rule } of rules.values()) {
    if (rule.kind === 'none') continue
    test(`no size of ${id} is nearer to the requested one: ${JSON.stringify(rule)}`, async (t: TestContext) => {
      const sizes = allowedSizes(rule)
      await checkProperty(
        t,
        fc.property(target, (requested) => t.assert.deepEqual(faultsOf(rule, sizes, requested), [])),
        { numRuns: runs(150) },
      )
    })
  }

  test('no size of any rule that a models file can contain is nearer', async (t: TestContext) => {
    await checkProperty(
      t,
      fc.property(anyRule, target, (rule, requested) => {
        const sizes = allowedSizes(rule)
        t.assert.equal(allowsSizes(rule), sizes.length > 0)
        if (sizes.length > 0) t.assert.deepEqual(faultsOf(rule, sizes, requested), [])
      }),
      { numRuns: runs(1500) },
    )
  })

  test('every fitted size is one that the simulator accepts, whose limits are written down independently', async (t: TestContext) => {
    await checkProperty(
      t,
      fc.property(fc.constantFrom(...modelTable), target, ({ id, generateSize, editSize }, requested) => {
        const simulated = findModel(id)
        for (const rule of [generateSize, editSize].filter(({ kind }) => kind !== 'none')) {
          const size = fitSize(rule, requested)
          t.assert.deepEqual(checkSize(simulated.size, size), size, id)
        }
      }),
      { numRuns: runs(2000) },
    )
  })

  test('keeps every size that is allowed', (t: TestContext) => {
    for (const { rule } of rules.values())
      for (const size of allowedSizes(rule).filter((_size, index) => index % 50 === 0))
        t.assert.deepEqual(fitSize(rule, size), size)
  })
})

const runs = (count: number) => Number(process.env.PROPERTY_RUNS ?? count)

const anyRule: fc.Arbitrary<SizeRule> = fc.oneof(
  fc.record({
    kind: fc.constant('range' as const),
    step: fc.integer({ min: 1, max: 100 }),
    minEdge: fc.integer({ min: 1, max: 300 }),
    maxEdge: fc.integer({ min: 1, max: 700 }),
    minPixels: fc.integer({ min: 1, max: 90_000 }),
    maxPixels: fc.integer({ min: 1, max: 490_000 }),
    maxRatio: fc.oneof(fc.double({ min: 1, max: 8, noNaN: true }), fc.constantFrom(1, 3, 21 / 9, 16 / 9, 1000)),
  }),
  fc.record({
    kind: fc.constant('choices' as const),
    sizes: fc.array(
      fc.tuple(fc.integer({ min: 1, max: 99_999 }), fc.integer({ min: 1, max: 99_999 })).map((size) => size.join('x')),
      { minLength: 1, maxLength: 12 },
    ),
  }),
)

/** Every size that a rule allows, by trying all. */
function allowedSizes(rule: SizeRule): Size[] {
  if (rule.kind === 'none') return []
  if (rule.kind === 'choices') {
    return rule.sizes.map((text) => {
      const [width = 0, height = 0] = text.split('x').map(Number)
      return { width, height }
    })
  }
  const edges = Array.from({ length: Math.floor(rule.maxEdge / rule.step) }, (_, index) => (index + 1) * rule.step)
  return edges
    .filter((edge) => edge >= rule.minEdge)
    .flatMap((width, _index, all) => all.map((height) => ({ width, height })))
    .filter(({ width, height }) => width * height >= rule.minPixels && width * height <= rule.maxPixels)
    .filter(({ width, height }) => Math.max(width, height) <= Math.min(width, height) * rule.maxRatio)
}

const TOLERANCE = Math.log(1.015)
const ROUNDING = 1e-9

/** What is wrong with the fitted size, compared with every allowed one. */
function faultsOf(rule: SizeRule, sizes: readonly Size[], requested: TargetSize): string[] {
  const fitted = fitSize(rule, requested)
  const { width: w, height: h, pixels = w * h } = requested
  const faults = shapeFaults(fitted, sizes, { width: w, height: h, pixels })
  const turned = fitSize(rule, { width: h, height: w, pixels })
  const isSymmetric = rule.kind === 'range' && w !== h
  if (isSymmetric && (turned.width !== fitted.height || turned.height !== fitted.width)) faults.push('not symmetric')
  return faults.map((fault) => `${JSON.stringify({ rule, requested, fitted })}: ${fault}`)
}

function shapeFaults(fitted: Size, sizes: readonly Size[], target: Size & { pixels: number }): string[] {
  const { pixels } = target
  const areaOf = ({ width, height }: Size) => width * height
  const bendOf = ({ width, height }: Size) =>
    Math.abs(Math.log(width) - Math.log(height) - Math.log(target.width) + Math.log(target.height))
  const lossOf = (size: Size) => 25 * bendOf(size) + Math.log(pixels) - Math.log(areaOf(size))
  const [bend, area] = [bendOf(fitted), areaOf(fitted)]
  const least = sizes.reduce((min, size) => Math.min(min, bendOf(size)), Number.POSITIVE_INFINITY)
  const faults: string[] = []
  if (!sizes.some(({ width, height }) => width === fitted.width && height === fitted.height)) faults.push('not allowed')
  if (bend > Math.max(least, TOLERANCE) + ROUNDING) faults.push('another shape is nearer')
  for (const size of sizes) {
    if (bendOf(size) > Math.max(least - ROUNDING, TOLERANCE - ROUNDING)) continue
    const other = areaOf(size)
    const isBetter = bendOf(size) < bend - ROUNDING
    if (other <= pixels && area > pixels) faults.push(`more pixels than forced: ${JSON.stringify(size)}`)
    if (other <= pixels && lossOf(size) < lossOf(fitted) - ROUNDING) faults.push(`loses more: ${JSON.stringify(size)}`)
    if (area > pixels && other > pixels && other < area) faults.push(`too many pixels: ${JSON.stringify(size)}`)
    if (other === area && isBetter) faults.push('as many pixels, better shape')
  }
  return faults
}

describe('nearestRatio', () => {
  test('returns the nearest shape', (t: TestContext) => {
    const ratios = ['1:1', '16:9', '9:16', '4:3']
    t.assert.equal(nearestRatio(ratios, { width: 1920, height: 1080 }), '16:9')
    t.assert.equal(nearestRatio(ratios, { width: 1000, height: 900 }), '1:1')
    t.assert.equal(nearestRatio(ratios, { width: 300, height: 900 }), '9:16')
    t.assert.equal(nearestRatio([], { width: 1, height: 1 }), undefined)
  })

  test('no ratio of a list is nearer to any size', async (t: TestContext) => {
    const edge = fc.integer({ min: 1, max: 99_999 })
    const ratio = fc
      .tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 }))
      .map((pair) => pair.join(':'))
    await checkProperty(
      t,
      fc.property(fc.array(ratio, { minLength: 1, maxLength: 30 }), edge, edge, (ratios, width, height) => {
        const distance = (text: string) => {
          const [across = 1, down = 1] = text.split(':').map(Number)
          return Math.abs(Math.log(across / down) - Math.log(width / height))
        }
        const nearest = nearestRatio(ratios, { width, height })
        t.assert.ok(nearest !== undefined && ratios.every((other) => distance(other) >= distance(nearest) - 1e-12))
      }),
      { numRuns: runs(2000) },
    )
  })
})
