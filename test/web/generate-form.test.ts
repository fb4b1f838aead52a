import { describe, type TestContext, test } from 'node:test'
import type { StudioOperation, StudioService } from '../../schemas/studio.ts'
import {
  argumentsOf,
  emptyForm,
  fitted,
  type GeneratingModel,
  modelOf,
  problemOf,
  readDraft,
  shapesOf,
  writeDraft,
} from '../../web/screens/generate-form.ts'

const bare: StudioOperation = {
  takesAnySize: false,
  hasSeed: false,
  maxCount: 1,
  hasMask: false,
  maxPromptCharacters: 10,
}
const sized: GeneratingModel = {
  name: 'gpt',
  model: 'gpt-image-2',
  generate: { ...bare, sizes: ['1024x1024', '1536x1024'], takesAnySize: true, qualities: ['low', 'high'], maxCount: 4 },
}
const shaped: GeneratingModel = { name: 'flux', model: 'flux.1', generate: { ...bare, aspectRatios: ['1:1', '16:9'] } }
const service: StudioService = {
  models: [{ name: 'edits', model: 'x', edit: bare }, sized, shaped],
  tools: [],
  version: '1',
}
const form = { ...emptyForm, prompt: 'a fox' }

describe('the form of a new image', () => {
  test('offers the models that generate, the default first', (t: TestContext) => {
    t.assert.strictEqual(modelOf(form, service), sized)
    t.assert.strictEqual(modelOf({ ...form, model: 'flux' }, service), shaped)
    t.assert.strictEqual(modelOf({ ...form, model: 'edits' }, service), sized)
    t.assert.strictEqual(modelOf(form, { ...service, models: [] }), undefined)
  })

  test('offers only the shapes that the model takes', (t: TestContext) => {
    t.assert.deepStrictEqual(shapesOf(sized.generate), ['size:1024x1024', 'size:1536x1024', 'other'])
    t.assert.deepStrictEqual(shapesOf(shaped.generate), ['', 'ratio:1:1', 'ratio:16:9'])
    t.assert.deepStrictEqual(shapesOf(bare), [])
  })

  test('gets the defaults of another model for what that cannot, and stays otherwise', (t: TestContext) => {
    const chosen = { ...fitted(form, sized), shape: 'size:1536x1024', quality: 'high', count: 3 }
    t.assert.deepStrictEqual(fitted(chosen, sized), chosen)
    t.assert.deepStrictEqual(fitted(chosen, shaped), { ...chosen, model: 'flux', shape: '', quality: '', count: 1 })
  })

  test('sends only what was chosen and the model takes', (t: TestContext) => {
    const send = (changes: object, model: GeneratingModel) =>
      argumentsOf(fitted({ ...form, model: model.name, ...changes }, model), model, service)
    t.assert.deepStrictEqual(send({}, sized), { prompt: 'a fox', model: 'gpt', size: '1024x1024' })
    t.assert.deepStrictEqual(send({ quality: 'low', count: 2, shape: 'other', width: '800', height: '600' }, sized), {
      prompt: 'a fox',
      model: 'gpt',
      size: '800x600',
      quality: 'low',
      n: 2,
    })
    t.assert.deepStrictEqual(send({ shape: 'ratio:16:9' }, shaped), {
      prompt: 'a fox',
      model: 'flux',
      aspect_ratio: '16:9',
    })
    t.assert.deepStrictEqual(argumentsOf(fitted(form, shaped), shaped, { ...service, models: [shaped] }), {
      prompt: 'a fox',
    })
  })

  test('is not sent without a prompt, with a longer one than the model takes, or with a size that is none', (t: TestContext) => {
    const problem = (changes: object) => problemOf({ ...form, ...changes }, sized)
    t.assert.strictEqual(problem({}), undefined)
    t.assert.strictEqual(problem({ prompt: ' \n' }), 'no-prompt')
    t.assert.strictEqual(problem({ prompt: 'x'.repeat(11) }), 'long-prompt')
    t.assert.strictEqual(problem({ prompt: '🦊'.repeat(10) }), undefined)
    for (const width of ['', '0', '-1', '1.5', 'wide', '1e9']) {
      t.assert.strictEqual(problem({ shape: 'other', width }), 'size', width)
    }
    t.assert.strictEqual(problem({ shape: 'other' }), undefined)
  })
})

describe('the draft of a new image', () => {
  test('is read as it was written, with the call that was under way', (t: TestContext) => {
    const draft = { form: { ...form, count: 2 }, call: { args: { prompt: 'a fox', idempotency_key: 'k' } } }
    t.assert.deepStrictEqual(readDraft(writeDraft(draft)), draft)
    t.assert.deepStrictEqual(readDraft(writeDraft({ form, call: { jobId: 'job_1' } })), {
      form,
      call: { jobId: 'job_1' },
    })
  })

  test('is none if it is of another version or broken, and has defaults for what is missing', (t: TestContext) => {
    for (const text of [undefined, '', 'x', '1', 'null', '{"v":2}', '[]'])
      t.assert.strictEqual(readDraft(text), undefined)
    t.assert.deepStrictEqual(readDraft('{"v":1,"form":{"count":-1,"prompt":7},"call":{"args":{}}}'), {
      form: emptyForm,
      call: undefined,
    })
  })
})
