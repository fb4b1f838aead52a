import { describe, type TestContext, test } from 'node:test'
import type { StudioOperation } from '../../../schemas/studio.ts'
import {
  chosenModel,
  type EditChoices,
  editArguments,
  editModels,
  initialChoices,
  mustKeepOutside,
} from '../../../web/editor/edit-arguments.ts'
import type { MaskOperation } from '../../../web/editor/strokes.ts'

const operation: StudioOperation = {
  sizes: ['1024x1024', '1536x1024'],
  qualities: ['low', 'high'],
  takesAnySize: false,
  hasSeed: false,
  maxCount: 4,
  hasMask: true,
  maxPromptCharacters: 1_000,
}
const gpt = { name: 'gpt', model: 'gpt-image-2', edit: operation }
const flux = {
  name: 'flux',
  model: 'flux.1-kontext-pro',
  edit: { takesAnySize: true, hasSeed: true, maxCount: 1, hasMask: false, maxPromptCharacters: 1_000 },
}
const both = [gpt, flux]
const choices: EditChoices = { ...initialChoices, prompt: ' make it red ' }
const dot: MaskOperation = { kind: 'brush', mode: 'add', size: 9, points: [[5, 5]] }

describe('the arguments of an edit', () => {
  test('are image and prompt alone where nothing else was chosen', (t: TestContext) => {
    t.assert.deepStrictEqual(editArguments('img_1', choices, [gpt], []), { image: 'img_1', prompt: 'make it red' })
  })

  test('name the model only where there is a choice, the default first', (t: TestContext) => {
    t.assert.strictEqual(editArguments('img_1', choices, both, []).model, 'gpt')
    t.assert.strictEqual(editArguments('img_1', { ...choices, model: 'flux' }, both, []).model, 'flux')
    t.assert.strictEqual(editArguments('img_1', { ...choices, model: 'removed' }, both, []).model, 'gpt')
  })

  test('leave out what the chosen model does not take', (t: TestContext) => {
    const all = { ...choices, size: '1536x1024', quality: 'high', count: 3 }
    const { size, quality, n } = editArguments('img_1', all, both, [])
    t.assert.deepStrictEqual([size, quality, n], ['1536x1024', 'high', 3])
    const other = editArguments('img_1', { ...all, model: 'flux' }, both, [])
    t.assert.deepStrictEqual([other.size, other.quality, other.n], [undefined, undefined, undefined])
  })

  test('keep what is outside of the mask by default, and a soft edge is one of that', (t: TestContext) => {
    const soft = { ...choices, feather: 7.6 }
    t.assert.deepStrictEqual(editArguments('img_1', soft, [gpt], [dot]), {
      image: 'img_1',
      prompt: 'make it red',
      mask_strokes: [{ mode: 'add', size: 9, points: [5, 5] }],
      keep_outside_mask: true,
      mask_feather: 8,
    })
    const loose = editArguments('img_1', { ...soft, keepsOutside: false }, [gpt], [dot])
    t.assert.deepStrictEqual([loose.keep_outside_mask, loose.mask_feather], [undefined, undefined])
  })

  test('always keep it where the model takes no mask', (t: TestContext) => {
    const args = editArguments('img_1', { ...choices, model: 'flux', keepsOutside: false }, both, [dot])
    t.assert.strictEqual(args.keep_outside_mask, true)
    t.assert.ok(mustKeepOutside(flux) && !mustKeepOutside(gpt))
  })

  test('are of the whole image without a mask, also once it was cleared', (t: TestContext) => {
    const args = editArguments('img_1', { ...choices, feather: 9 }, both, [dot, { kind: 'clear' }])
    t.assert.deepStrictEqual(Object.keys(args), ['image', 'prompt', 'model'])
  })

  test('are of models that edit only', (t: TestContext) => {
    const service = { models: [{ name: 'draws', model: 'flux-1.1-pro' }, flux], tools: [], version: '1' }
    t.assert.deepStrictEqual(editModels(service), [flux])
    t.assert.strictEqual(chosenModel([], 'flux'), undefined)
  })
})
