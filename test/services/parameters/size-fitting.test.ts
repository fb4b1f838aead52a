import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { SizeRule } from '../../../schemas/models.ts'
import { modelTable } from '../../../services/azure/models/table.ts'
import { fitSize, nearestRatio } from '../../../services/parameters/size-fitting.ts'
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
    ['gpt-image-2', '4000x100', '1408x480'],
    ['FLUX.2-pro', '1000x750', '1008x752'],
    ['FLUX.2-pro', '8192x8192', '2048x2048'],
    ['MAI-Image-2.5', '1920x1080', '1360x768'],
    ['MAI-Image-2.6', '1536x1536', '1536x1536'],
    ['FLUX.1-Kontext-pro', '2048x2048', '1024x1024'],
  ]
  for (const [model, requested, fitted] of cases) {
    test(`${model} makes ${fitted} of ${requested}`, (t: TestContext) => {
      const [width = 0, height = 0] = requested.split('x').map(Number)
      const { width: across, height: down } = fitSize(ruleOf(model), { width, height })
      t.assert.equal(`${across}x${down}`, fitted)
    })
  }

  test('returns a size that the rule allows for every request', async (t: TestContext) => {
    const edge = fc.integer({ min: 1, max: 20_000 })
    for (const { id, generateSize: rule } of modelTable) {
      if (rule.kind !== 'range') continue
      await checkProperty(
        t,
        fc.property(edge, edge, (width, height) => {
          const size = fitSize(rule, { width, height })
          const { width: across, height: down } = size
          const long = Math.max(across, down)
          const short = Math.min(across, down)
          t.assert.equal(across % rule.step, 0, `${id} step`)
          t.assert.equal(down % rule.step, 0, `${id} step`)
          t.assert.ok(short >= rule.minEdge && long <= rule.maxEdge, `${id} edges of ${across}x${down}`)
          t.assert.ok(across * down <= rule.maxPixels, `${id} most pixels of ${across}x${down}`)
          t.assert.ok(across * down >= rule.minPixels, `${id} least pixels of ${across}x${down}`)
          t.assert.ok(long <= short * rule.maxRatio, `${id} ratio of ${across}x${down}`)
        }),
        { numRuns: 300 },
      )
    }
  })

  test('keeps a size that is already allowed', (t: TestContext) => {
    t.assert.deepEqual(fitSize(ruleOf('gpt-image-2'), { width: 1280, height: 720 }), { width: 1280, height: 720 })
  })
})

describe('nearestRatio', () => {
  test('returns the nearest shape', (t: TestContext) => {
    const ratios = ['1:1', '16:9', '9:16', '4:3']
    t.assert.equal(nearestRatio(ratios, { width: 1920, height: 1080 }), '16:9')
    t.assert.equal(nearestRatio(ratios, { width: 1000, height: 900 }), '1:1')
    t.assert.equal(nearestRatio(ratios, { width: 300, height: 900 }), '9:16')
    t.assert.equal(nearestRatio([], { width: 1, height: 1 }), undefined)
  })
})
