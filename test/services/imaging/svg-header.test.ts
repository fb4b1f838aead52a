import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { readSvgFacts } from '../../../services/imaging/headers/svg-header.ts'
import { probeImage, sniffFacts } from '../../../services/imaging/image-probe.ts'
import { checkProperty } from '../../support/property.ts'

const sizeOf = (text: string) => {
  const facts = readSvgFacts(Buffer.from(text))
  return facts && [facts.width, facts.height]
}

describe('an SVG drawing', () => {
  const drawings: readonly [string, string, [number, number] | undefined][] = [
    ['with edges', '<svg xmlns="x" width="640" height="480"><path/></svg>', [640, 480]],
    ['with edges in pixels', "<svg width='640px' height='480.4px'>", [640, 480]],
    ['with a view box only', '<svg viewBox="0 0 24 12">', [24, 12]],
    ['with a view box and shares', '<svg width="100%" height="100%" viewBox="0,0,24,12">', [24, 12]],
    ['without a size', '<svg>', [300, 150]],
    ['with absurd edges', '<svg width="99999999" height="0">', [300, 150]],
    [
      'behind a declaration, a comment and a type',
      '\uFEFF<?xml version="1.0"?>\n<!-- a <b> -->\n<!DOCTYPE svg PUBLIC "x">\n<svg width="1" height="2">',
      [1, 2],
    ],
    ['whose stroke-width is not its width', '<svg stroke-width="9" viewBox="0 0 5 6">', [5, 6]],
    ['that ends within its tag', '<svg width="640" hei', undefined],
    ['that is a page', '<!doctype html><html><svg width="1" height="1"></svg>', undefined],
    ['that is a word', '<svgx width="1">', undefined],
  ]
  for (const [what, text, expected] of drawings) {
    test(what, (t: TestContext) => t.assert.deepEqual(sizeOf(text), expected))
  }

  test('may be returned by a model, but not sent by a client', (t: TestContext) => {
    const bytes = Buffer.from('<svg width="640" height="480"/>')
    t.assert.deepEqual(sniffFacts(bytes), { mimeType: 'image/svg+xml', width: 640, height: 480 })
    t.assert.throws(() => probeImage(bytes, { maxBytes: 1000, maxPixels: 1_000_000 }), { code: 'IMG_ERR_IMAGE_TYPE' })
  })

  test('is read in no time, whatever it is', async (t: TestContext) => {
    const part = fc.constantFrom(
      '<!--',
      '-->',
      '<?xml',
      '?>',
      '<!DOCTYPE',
      '>',
      '<svg',
      ' ',
      '\n',
      'width="',
      'viewBox="0 0 ',
      '"',
      '1',
      '\uFEFF',
    )
    const property = fc.property(fc.array(part, { maxLength: 2000 }), (parts) => {
      const before = process.cpuUsage()
      const facts = readSvgFacts(Buffer.from(parts.join('')))
      t.assert.ok(facts === undefined || (facts.width >= 1 && facts.height >= 1))
      t.assert.ok(process.cpuUsage(before).user < 1_000_000)
    })
    await checkProperty(t, property, { numRuns: 1000 })
  })
})
