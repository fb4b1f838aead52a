import { describe, type TestContext, test } from 'node:test'
import type { Model } from '../../../schemas/models.ts'
import { modelTable } from '../../../services/azure/models/table.ts'
import { adaptRequest } from '../../../services/parameters/adapt.ts'

const modelOf = (id: string): Model => {
  const model = modelTable.find((row) => row.id === id)
  if (model === undefined) throw new Error(`no model ${id}`)
  return model
}

describe('a request for a fallback', () => {
  test('has only the arguments that its model accepts', (t: TestContext) => {
    const request = { prompt: 'a boat', quality: 'high', background: 'opaque', seed: 7, output_format: 'png' } as const
    t.assert.deepEqual(adaptRequest(request, 'generate', modelOf('FLUX.2-pro')), {
      prompt: 'a boat',
      quality: undefined,
      background: undefined,
      seed: 7,
      output_format: 'png',
    })
  })

  test('has no value that its model rejects', (t: TestContext) => {
    const flux = modelOf('FLUX.2-flex')
    t.assert.equal(adaptRequest({ quality: 'max' }, 'generate', modelOf('gpt-image-2'))?.quality, undefined)
    t.assert.equal(adaptRequest({ quality: 'high' }, 'generate', modelOf('gpt-image-2'))?.quality, 'high')
    t.assert.equal(adaptRequest({ guidance: 11 }, 'generate', flux)?.guidance, undefined)
    t.assert.equal(adaptRequest({ guidance: 3 }, 'generate', flux)?.guidance, 3)
    const pngOnly: Model = { ...flux, formats: ['png'] }
    t.assert.equal(adaptRequest({ output_format: 'jpeg' }, 'generate', pngOnly)?.output_format, undefined)
  })

  test('has a size that its model generates, and none where it accepts none', (t: TestContext) => {
    const size = { width: 1000, height: 750 }
    const target = size
    const fitted = { width: 1536, height: 1024, target }
    t.assert.deepEqual(adaptRequest({ size }, 'generate', modelOf('gpt-image-1.5'))?.size, fitted)
    // The requested size is fitted, not the one that was fitted to the first model.
    const ofFirst = { width: 992, height: 752, target }
    t.assert.deepEqual(adaptRequest({ size: ofFirst }, 'generate', modelOf('gpt-image-1.5'))?.size, fitted)
    const image = { images: ['image'], size }
    t.assert.equal(adaptRequest(image, 'edit', modelOf('MAI-Image-2.5'))?.size, undefined)
  })

  test('does not exist where the result would be something else', (t: TestContext) => {
    const images = ['image', 'reference']
    t.assert.equal(adaptRequest({ n: 2 }, 'generate', modelOf('FLUX.2-pro')), undefined)
    t.assert.deepEqual(adaptRequest({ n: 1 }, 'generate', modelOf('FLUX.2-pro')), { n: undefined })
    t.assert.equal(adaptRequest({ images }, 'edit', modelOf('FLUX.1-Kontext-pro')), undefined)
    t.assert.equal(adaptRequest({ images: ['image'] }, 'edit', modelOf('FLUX-1.1-pro')), undefined)
    t.assert.equal(adaptRequest({ images: ['image'], mask: 'mask' }, 'edit', modelOf('FLUX.2-pro')), undefined)
  })

  test('leaves the original request unchanged', (t: TestContext) => {
    const request = { quality: 'high' }
    adaptRequest(request, 'generate', modelOf('FLUX.2-pro'))
    t.assert.deepEqual(request, { quality: 'high' })
  })
})
