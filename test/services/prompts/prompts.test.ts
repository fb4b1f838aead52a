import { type TestContext, test } from 'node:test'
import { createCompletion } from '../../../services/prompts/completion.ts'
import { createPrompts } from '../../../services/prompts/index.ts'
import { contextOf } from '../../support/calls.ts'
import { verifies } from '../../support/verifies.ts'

const prompts = createPrompts({ hasLibrary: true })
const textOf = async (name: string, args: Record<string, string>) => {
  const messages = await prompts.find((prompt) => prompt.name === name)?.render(args)
  const content = messages?.[0]?.content
  return content?.type === 'text' ? content.text : ''
}

test('every prompt says which tool to call, uses what it requires, and describes its arguments', async (t: TestContext) => {
  for (const prompt of prompts) {
    const given = Object.fromEntries(prompt.arguments.map(({ name }) => [name, `<${name}>`]))
    const text = await textOf(prompt.name, given)
    t.assert.match(text, /edit_image|generate_image/, prompt.name)
    for (const { name, description, required } of prompt.arguments) {
      if (required) t.assert.ok(text.includes(`<${name}>`), `${prompt.name} uses ${name}`)
      t.assert.ok(description.length > 5, `${prompt.name} describes ${name}`)
    }
    t.assert.match(prompt.name, /^[a-z_]+$/)
  }
})

test('says nothing of arguments that were not given', async (t: TestContext) => {
  t.assert.doesNotMatch(await textOf('product_photo', { product: 'a mug' }), /undefined|Use the size/)
  t.assert.match(await textOf('product_photo', { product: 'a mug', size: '512x512' }), /Use the size 512x512\./)
  t.assert.doesNotMatch(await textOf('product_photo', { product: 'a mug', size: ' ' }), /Use the size/)
})

const complete = createCompletion({
  prompts,
  models: ['flux.1-kontext-pro'],
  images: {
    names: {
      uriTemplate: 'image:///{+path}',
      variable: 'path',
      values: async () => ['a/sun.png', 'sunset.png', 'moon.png'],
    },
    ids: { uriTemplates: ['image://{id}'], variable: 'id', values: async (typed) => [`img_of_${typed}`] },
  },
})
const forPrompt = (name: string, argument: string, value = '') =>
  complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value }, given: {} }, contextOf())

verifies('completion', 'completes sizes, models and styles, best first', async (t: TestContext) => {
  t.assert.deepStrictEqual(await forPrompt('product_photo', 'size', '1344'), ['1344x768', '768x1344'])
  t.assert.deepStrictEqual(await forPrompt('refine_prompt', 'model', 'FLUX'), ['flux.1-kontext-pro'])
  t.assert.deepStrictEqual(await forPrompt('style_transfer', 'style', 'WATER'), ['watercolour'])
})

test('completes the names of saved images', async (t: TestContext) => {
  const ask = (uri: string, name: string) =>
    complete({ ref: { type: 'ref/resource', uri }, argument: { name, value: 'sun' }, given: {} }, contextOf())
  t.assert.deepStrictEqual(await ask('image:///{+path}', 'path'), ['sunset.png', 'a/sun.png'])
  t.assert.strictEqual(await ask('image:///{+path}', 'other'), undefined)
  t.assert.strictEqual(await ask('other:///{+path}', 'path'), undefined)
})

test('suggests nothing for free text, and knows no argument that a prompt does not have', async (t: TestContext) => {
  t.assert.deepStrictEqual(await forPrompt('product_photo', 'product'), [])
  t.assert.strictEqual(await forPrompt('product_photo', 'style'), undefined)
  t.assert.strictEqual(await forPrompt('no_such_prompt', 'size'), undefined)
})
