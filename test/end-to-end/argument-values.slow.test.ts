import { describe, type TestContext, test } from 'node:test'
import { fileOf } from '../support/fake-azure.ts'
import { noisePng, png } from '../support/images/images.ts'
import { listTools, makesImage, requiredArguments } from '../support/listed-tools.ts'
import { callTool, startService } from '../support/service.ts'

const prompt = 'a lighthouse'

/** Members that n8n adds to the arguments of every tool. */
const ofN8n = { toolCallId: 'call_1', sessionId: 'abc', action: 'sendMessage', chatInput: 'draw', tool: { name: 'x' } }

describe('empty optional arguments are not sent to Azure', () => {
  for (const model of ['FLUX.1-Kontext-pro', 'FLUX.2-flex', 'gpt-image-1', 'MAI-Image-2.6']) {
    test(`${model}: every optional argument as null, blank and absent`, async (t: TestContext) => {
      const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: model })
      const image = (await png(64, 64)).toString('base64')
      for (const { name, inputSchema } of (await listTools(url)).filter(makesImage)) {
        const required = name === 'edit_image' ? { prompt, image_data_base64: image } : { prompt }
        const optional = Object.keys(inputSchema.properties).filter((key) => !inputSchema.required?.includes(key))
        const all = (value: unknown) => Object.fromEntries(optional.map((key) => [key, value]))
        const ofOtherModels = {
          seed: null,
          quality: '',
          guidance: null,
          steps: null,
          image_path: null,
          aspect_ratio: ' ',
        }
        const filledIn = {
          mask_region: { x: null, y: '', width: null, height: null },
          reference_images_base64: [null, '', ' '],
        }
        const nested = Object.fromEntries(Object.entries(filledIn).filter(([key]) => optional.includes(key)))
        const variants = [{}, all(null), all(''), all('  '), all([]), all([null]), nested, ofOtherModels, ofN8n]
        for (const more of variants) {
          const { isError, text } = await callTool(url, name, { ...more, ...required })
          t.assert.equal(isError, false, `${name} ${JSON.stringify(more)}: ${text}`)
        }
        const sent = simulator.requests
          .slice(-variants.length)
          .map(({ fields, files }) => ({ fields, files: files.length }))
        for (const request of sent) t.assert.deepEqual(request, sent[0], name)
      }
    })
  }
})

test('members that n8n adds are ignored by every tool', async (t: TestContext) => {
  const deployments = [{ name: 'gpt-image-1' }, { name: 'FLUX.2-pro' }]
  const { url } = await startService(t, {
    AZURE_DEPLOYMENT_NAME: undefined,
    AZURE_DEPLOYMENTS_FILE: await fileOf(t, { deployments }),
  })
  const image = (await png(64, 64)).toString('base64')
  const tools = await listTools(url)
  t.assert.ok(tools.length > 2)
  const id = /Image id: (img_\w+)/.exec((await callTool(url, 'generate_image', { prompt })).text)?.[1]
  const { text: submitted } = await callTool(url, 'generate_image', { prompt, job: true })
  const job_id = /job_[0-9a-f]{32}/.exec(submitted)?.[0]
  for (const tool of tools) {
    const source = tool.name === 'edit_image' ? { image_data_base64: image } : {}
    const args = { ...requiredArguments(tool, { prompt, id, job_id }), ...source }
    const { isError, text } = await callTool(url, tool.name, { ...args, ...ofN8n })
    t.assert.equal(isError, false, `${tool.name}: ${text}`)
  }
})

describe('quoted numbers and booleans are accepted', () => {
  const cases: readonly [string, Record<string, unknown>, Record<string, unknown>][] = [
    ['FLUX.2-flex', { seed: '42', steps: ' 10 ', guidance: '3.5' }, { seed: 42, steps: 10, guidance: 3.5 }],
    [
      'gpt-image-1',
      { n: '2', output_compression: '50', output_format: 'jpeg' },
      { n: 2, output_compression: 50, output_format: 'jpeg' },
    ],
    [
      'MAI-Image-2.6',
      { auto_aspect_ratio: 'true', web_grounding: 'False' },
      { auto_aspect_ratio: true, web_grounding: false },
    ],
  ]
  for (const [model, quoted, plain] of cases) {
    test(model, async (t: TestContext) => {
      const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: model })
      for (const args of [quoted, plain]) {
        const { isError, text } = await callTool(url, 'generate_image', { prompt, ...args })
        t.assert.equal(isError, false, text)
      }
      const [first, second] = simulator.requests
      t.assert.deepEqual(first?.fields, second?.fields)
    })
  }

  test('also a region or the numbers in it', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-1' })
    const image_data_base64 = (await png(64, 64)).toString('base64')
    const hidden = '{"__proto__":{"x":0,"y":0,"width":10,"height":10}}'
    const region = { x: '0', y: '0', width: '10', height: '10' }
    for (const mask_region of [region, JSON.stringify(region), ' {"x":0,"y":0,"width":10,"height":10}']) {
      const { isError, text } = await callTool(url, 'edit_image', { prompt, image_data_base64, mask_region })
      t.assert.equal(isError, false, text)
    }
    for (const mask_region of ['0,0,10,10', '[0,0,10,10]', '{"x":0', '{"x":0}', '7', 'null', hidden]) {
      const { isError, text } = await callTool(url, 'edit_image', { prompt, image_data_base64, mask_region })
      t.assert.equal(isError, true, mask_region)
      t.assert.match(text, /"mask_region/)
    }
    t.assert.equal(simulator.requests.length, 3)
  })
})

test('lists are accepted as JSON, or as their only text', async (t: TestContext) => {
  const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-1' })
  const image = (await png(64, 64)).toString('base64')
  const { text } = await callTool(url, 'generate_image', { prompt, tags: ' ["sea", "light"] ' })
  await callTool(url, 'generate_image', { prompt, tags: 'sea' })
  const { text: both } = await callTool(url, 'find_images', { tags: 'sea' })
  t.assert.match(both, /^2 images/)
  t.assert.match(both, /tags "sea" "light"/)
  const id = /img_\w{26}/.exec(text)?.[0]
  for (const [args, files] of [
    [{ image: id, reference_images: JSON.stringify([id]) }, 2],
    [{ image: id, reference_images: id }, 2],
    [{ image: id, reference_images: '[]' }, 1],
    [{ image: id, reference_images_base64: image }, 2],
    [{ image_data_base64: image, reference_images_base64: JSON.stringify([image]) }, 2],
  ] as const) {
    const { isError, text: problem } = await callTool(url, 'edit_image', { prompt, ...args })
    t.assert.equal(isError, false, problem)
    t.assert.equal(simulator.requests.at(-1)?.files.length, files)
  }
  for (const tags of [7, { a: 1 }, true, [['a']], '[[1]]']) {
    const { isError } = await callTool(url, 'generate_image', { prompt, tags })
    t.assert.equal(isError, true, JSON.stringify(tags))
  }
  const large = noisePng(400).toString('base64')
  const edited = await callTool(url, 'edit_image', { prompt, image: id, reference_images_base64: large })
  t.assert.equal(edited.isError, false, edited.text)
})

test('choices are accepted in any case and common spelling, whatever their length', async (t: TestContext) => {
  const name = `gpt-image-1-${'x'.repeat(50)}`
  const deployments = [{ name }, { name: name.toUpperCase(), deployment: 'gpt-image-1-mini' }]
  const { url, simulator } = await startService(
    t,
    { AZURE_DEPLOYMENT_NAME: undefined, AZURE_DEPLOYMENTS_FILE: await fileOf(t, { deployments }) },
    { deployments: { [name]: { model: 'gpt-image-1' }, 'gpt-image-1-mini': { model: 'gpt-image-1-mini' } } },
  )
  const cases: readonly [object, object][] = [
    [{ output_format: 'image/png' }, { output_format: 'png' }],
    [{ output_format: ' .PNG' }, { output_format: 'png' }],
    [{ output_format: 'image/jpg' }, { output_format: 'jpeg' }],
    [
      { n: ' 2', quality: 'LOW ' },
      { n: 2, quality: 'low' },
    ],
    [{ model: ` ${name.replace('gpt', 'Gpt')} ` }, {}],
  ]
  for (const [args, fields] of cases) {
    const { isError, text } = await callTool(url, 'generate_image', { prompt, ...args })
    t.assert.equal(isError, false, text)
    t.assert.partialDeepStrictEqual(simulator.requests.at(-1)?.fields, fields)
    t.assert.equal(simulator.requests.at(-1)?.deployment, name)
  }
  await callTool(url, 'generate_image', { prompt, model: `${name.toUpperCase()} ` })
  t.assert.equal(simulator.requests.at(-1)?.deployment, 'gpt-image-1-mini')
})

test('a list may have empty members', async (t: TestContext) => {
  const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-1' })
  const image = (await png(64, 64)).toString('base64')
  const args = { prompt, image_data_base64: image, reference_images_base64: [null, image, ''] }
  const { isError, text } = await callTool(url, 'edit_image', args)
  t.assert.equal(isError, false, text)
  t.assert.equal(simulator.requests[0]?.files.length, 2)
})

test('a required argument that is null is missing', async (t: TestContext) => {
  const { url } = await startService(t)
  const { isError, text } = await callTool(url, 'generate_image', { prompt: null })
  t.assert.equal(isError, true)
  t.assert.match(text, /"prompt" is missing/)
})

test('unknown arguments and invalid values are rejected before Azure is called', async (t: TestContext) => {
  const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'FLUX.2-flex' })
  for (const wrong of [
    { style: 'bold' },
    { style: null },
    { seed: '4x' },
    { seed: '1.5' },
    { seed: '9'.repeat(40) },
    { seed: '-1' },
    { seed: '2e0' },
    { seed: '0x2' },
    { seed: '1_000' },
    { seed: '1,000' },
    { seed: '２' },
    { seed: 'null' },
    { seed: 1.5 },
    { guidance: '3,5' },
    { guidance: 'Infinity' },
    { files: [] },
    { metadata: {} },
    { guidance: 'high' },
    { prompt: null },
    { seed: [4] },
    { seed: true },
    { mask_region: { x: 1 } },
  ]) {
    const { isError } = await callTool(url, 'generate_image', { prompt, ...wrong })
    t.assert.equal(isError, true, JSON.stringify(wrong))
  }
  t.assert.equal(simulator.requests.length, 0)
})

describe('a prompt without meaning is rejected before Azure is called', () => {
  for (const [what, text, sentence] of [
    ['blanks', ' \n\t\u3000', /"prompt" is blank/],
    ['invisible characters', '\u200b\ufeff\u00ad\u180e', /"prompt" is blank/],
    ['fillers', '\u3164\u115f\u2800\ufe0f\u034f', /"prompt" is blank/],
    ['combining marks without a letter', '\u0301 \u20dd', /"prompt" is blank/],
    ['unassigned characters', '\ue000\uffff', /"prompt" is blank/],
    ['question marks for lost characters', '???? ??, ???!', /"prompt" arrived as question marks only/],
    ['replacement characters', '\ufffd\ufffd\ufffd.', /"prompt" arrived as question marks only/],
    ['a NUL', 'a\0b', /"prompt" contains a NUL/],
    ['half a surrogate pair', 'a \ud83d b', /"prompt" contains half a surrogate pair/],
  ] as const) {
    test(what, async (t: TestContext) => {
      const { url, simulator } = await startService(t)
      const image = (await png(8, 8)).toString('base64')
      for (const [name, more] of [
        ['generate_image', {}],
        ['edit_image', { image_data_base64: image }],
      ] as const) {
        const response = await callTool(url, name, { prompt: text, ...more })
        t.assert.equal(response.isError, true)
        t.assert.match(response.text, sentence)
      }
      t.assert.equal(simulator.requests.length, 0)
    })
  }
})

describe('half a surrogate pair is rejected in every argument, before it enters the digest of a call', () => {
  for (const [name, args] of Object.entries({
    prompt: { prompt: 'a \ud83d b' },
    'an output path': { prompt: 'a kite', output_path: 'kite\udc00.png' },
    'an idempotency key': { prompt: 'a kite', idempotency_key: 'key-\ud800' },
    'a size': { prompt: 'a kite', size: '\udfff' },
    'an unknown argument': { prompt: 'a kite', 'x\ud83d': 1 },
    'a nested value': { prompt: 'a kite', tags: ['good', 'bad \udbff'] },
  })) {
    test(name, async (t: TestContext) => {
      const { url, simulator } = await startService(t)
      const response = await callTool(url, 'generate_image', args)
      t.assert.equal(response.isError, true)
      t.assert.match(response.text, /half a surrogate pair: send whole characters/)
      t.assert.equal(simulator.requests.length, 0)
    })
  }

  test('so a prompt with one never gets the result of the prompt with U+FFFD', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    const [replaced, broken] = ['a \ufffd b', 'a \ud83d b']
    t.assert.equal((await callTool(url, 'generate_image', { prompt: replaced, idempotency_key: 'k' })).isError, false)
    const response = await callTool(url, 'generate_image', { prompt: broken, idempotency_key: 'k' })
    t.assert.match(response.text, /"prompt" contains half a surrogate pair/)
    t.assert.equal(simulator.requests.length, 1)
  })
})
