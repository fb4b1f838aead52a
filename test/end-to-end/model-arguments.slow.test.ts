import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import type { Environment } from '../../services/config/environment.ts'
import { argumentValues } from '../support/argument-values.ts'
import { fixture, png } from '../support/images/images.ts'
import { callTool, startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const prompt = 'a lighthouse'
const onDeploymentRoute = { AZURE_API_VERSION: '2025-04-01-preview' }

/** The arguments that each model's documentation describes, except prompt, image and output_path. */
const references = 'reference_images reference_images_base64'
const gptGenerates = 'size n quality output_format output_compression background'
const gptEdits = `${gptGenerates} mask_image mask_base64 mask_region ${references}`
/** Of every model that edits: without masks of its own, the service composes the result. */
const painted = 'mask_strokes mask_feather keep_outside_mask'
const mai26 = 'size auto_aspect_ratio web_grounding'
const flux2Generates = 'size seed output_format guidance'
const offers: readonly [model: string, generate: string, edit: string | undefined, environment?: Environment][] = [
  ['FLUX.1-Kontext-pro', 'size aspect_ratio seed output_format', 'size aspect_ratio seed output_format'],
  ['FLUX.1-Kontext-pro', 'size', 'size', onDeploymentRoute],
  ['FLUX-1.1-pro', 'size seed output_format', undefined],
  ['FLUX.2-pro', flux2Generates, `${flux2Generates} ${references}`],
  ['FLUX.2-flex', `${flux2Generates} steps`, `${flux2Generates} steps ${references}`],
  ['gpt-image-1', gptGenerates, `${gptEdits} input_fidelity`],
  ['gpt-image-1-mini', gptGenerates, gptEdits],
  ['gpt-image-1.5', gptGenerates, `${gptEdits} input_fidelity`],
  ['gpt-image-2', gptGenerates, gptEdits],
  ['gpt-image-2.5-flare', gptGenerates, gptEdits],
  ['gpt-image-2.5-sunburst', gptGenerates, gptEdits],
  ['MAI-Image-2.5', 'size', references],
  ['MAI-Image-2.5-Flash', 'size', references],
  ['MAI-Image-2.5-Pro', 'size', references],
  ['MAI-Image-2.6', mai26, `${mai26} ${references}`],
  ['MAI-Image-2.6-Flash', mai26, `${mai26} ${references}`],
  ['MAI-Image-2.7', 'size background', `size background ${references}`],
  ['MAI-Image-2.7-Flash', 'size background', `size background ${references}`],
]

interface Listed {
  name: string
  inputSchema: { properties: Record<string, { enum?: string[]; maximum?: number }> }
}

async function listTools(url: string): Promise<Map<string, Listed['inputSchema']['properties']>> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { tools }: { tools: Listed[] } = JSON.parse(await response.text()).result
  return new Map(tools.map(({ name, inputSchema }) => [name, inputSchema.properties]))
}

const common = [
  'prompt',
  'image',
  'image_data_base64',
  'output_path',
  'idempotency_key',
  'tags',
  'return',
  'job',
  'dry_run',
]
const words = (text: string) => text.split(' ').filter((word) => word !== '')

describe('arguments follow the model', () => {
  for (const [model, generate, edit, environment = {}] of offers) {
    const route = environment === onDeploymentRoute ? ' on the deployment route' : ''
    test(`${model}${route}: publishes what it supports and rejects the rest before Azure is called`, async (t: TestContext) => {
      const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: model, ...environment })
      const tools = await listTools(url)
      const offered = (name: string) => Object.keys(tools.get(name) ?? {}).filter((key) => !common.includes(key))
      t.assert.deepEqual(offered('generate_image').sort(), words(generate).sort())
      t.assert.equal(tools.has('edit_image'), edit !== undefined)
      if (edit !== undefined) t.assert.deepEqual(offered('edit_image').sort(), words(`${edit} ${painted}`).sort())
      t.assert.equal(tools.has('list_models'), false)

      for (const [name, value] of Object.entries(argumentValues).filter(([key]) => !words(generate).includes(key))) {
        const { isError, text } = await callTool(url, 'generate_image', { prompt, [name]: value[0] ?? 'iVBORw0KGgo=' })
        t.assert.equal(isError, true, name)
        t.assert.match(text, new RegExp(name))
      }
      t.assert.equal(simulator.requests.length, 0)

      const requested = Object.fromEntries(
        words(generate)
          .filter((name) => name !== 'aspect_ratio')
          .map((name) => [name, argumentValues[name]?.[0]]),
      )
      if (requested.output_compression !== undefined) requested.output_format = 'jpeg'
      const { isError, text, images } = await callTool(url, 'generate_image', { prompt, ...requested })
      t.assert.equal(isError, false, text)
      t.assert.equal(images.length, requested.n ?? 1)
      t.assert.equal(simulator.requests.length, 1)
    })
  }

  test('an edit with references and a background is sent completely to MAI-Image-2.7', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'MAI-Image-2.7' })
    const base64 = (await png(900, 800)).toString('base64')
    const { isError, text } = await callTool(url, 'edit_image', {
      prompt,
      image_data_base64: base64,
      reference_images_base64: [base64, base64, base64, base64],
      background: 'transparent',
    })
    t.assert.equal(isError, false, text)
    const [seen] = simulator.requests
    t.assert.deepEqual(
      seen?.files.map(({ field }) => field),
      Array(5).fill('image'),
    )
    t.assert.deepEqual(
      [seen?.fields.background, seen?.fields.width, seen?.fields.height],
      ['transparent', '864', '768'],
    )
  })

  test('auto_aspect_ratio is not overridden by the default size', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'MAI-Image-2.6' })
    await callTool(url, 'generate_image', { prompt, auto_aspect_ratio: true })
    await callTool(url, 'generate_image', { prompt, auto_aspect_ratio: false })
    t.assert.deepEqual(
      simulator.requests.map(({ fields }) => fields.width),
      [undefined, 1024],
    )
  })

  test('a quality that the model does not support is rejected with the list of those it does', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-2' })
    const { isError, text } = await callTool(url, 'generate_image', { prompt, quality: 'max' })
    t.assert.equal(isError, true)
    t.assert.match(text, /quality.*low.*medium.*high/)
    t.assert.equal(simulator.requests.length, 0)
  })

  test('the extension of output_path decides the format if the model supports several', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-2' })
    for (const output_path of ['a.jpg', 'b.JPEG', 'c.jfif', 'd.Jpe']) {
      const { content } = await callTool(url, 'generate_image', { prompt, output_path })
      t.assert.ok(content[0]?.text?.endsWith(`/${output_path}`))
      t.assert.equal(simulator.requests.at(-1)?.fields.output_format, 'jpeg')
    }
  })

  test('reports the actual size if it differs from the requested one', async (t: TestContext) => {
    const { url } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-1-mini' })
    const { text } = await callTool(url, 'generate_image', { prompt, size: '900x1700' })
    t.assert.match(text, /Size: 1024x1536 \(900x1700 was requested/)
  })

  test('reports the cost with REPORT_COST, and counts it', async (t: TestContext) => {
    const { url } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro', REPORT_COST: 'true' })
    const { text } = await callTool(url, 'generate_image', { prompt })
    t.assert.match(text, /Cost: about US\$0\.0300 at list price\.$/)
    const metrics = await (await fetch(`${url}/metrics`)).text()
    t.assert.match(metrics, /image_mcp_azure_cost_usd_total\{deployment="FLUX\.2-pro",model="FLUX\.2-pro"\} 0\.03\n/)
  })
})

describe('masks', () => {
  const environment = { AZURE_DEPLOYMENT_NAME: 'gpt-image-1.5' }

  test('a rectangle becomes a mask as large as the image, transparent inside', async (t: TestContext) => {
    const { url, simulator } = await startService(t, environment)
    const base64 = (await png(200, 100)).toString('base64')
    const mask_region = { x: 20, y: 30, width: 40, height: 50 }
    const { isError, text } = await callTool(url, 'edit_image', { prompt, image_data_base64: base64, mask_region })
    t.assert.equal(isError, false, text)
    t.assert.deepEqual(simulator.requests[0]?.files.map(({ field }) => field).sort(), ['image', 'mask'])
  })

  test('a mask of any PNG type is sent as 8-bit RGBA', async (t: TestContext) => {
    const { url, simulator } = await startService(t, environment)
    const image_data_base64 = (await png(64, 64)).toString('base64')
    const half = sharp({ create: { width: 64, height: 64, channels: 4, background: '#00000000' } }).composite([
      { input: { create: { width: 64, height: 32, channels: 4, background: '#000000ff' } }, top: 0, left: 0 },
    ])
    const raw = await half.raw().toBuffer()
    const source = () => sharp(raw, { raw: { width: 64, height: 64, channels: 4 } })
    const kinds = {
      RGBA: source().png(),
      palette: source().png({ palette: true, colours: 4 }),
      '16 bits': source().toColourspace('rgb16').png(),
      'grey with opacity': source().toColourspace('b-w').png(),
      interlaced: source().png({ progressive: true }),
    }
    for (const [kind, image] of Object.entries(kinds)) {
      const mask_base64 = (await image.toBuffer()).toString('base64')
      const { isError, text } = await callTool(url, 'edit_image', { prompt, image_data_base64, mask_base64 })
      t.assert.equal(isError, false, `${kind}: ${text}`)
      const mask = simulator.requests.at(-1)?.files.find(({ field }) => field === 'mask')
      t.assert.deepEqual([mask?.width, mask?.height, mask?.format], [64, 64, 'png'], kind)
    }
  })

  const wrong: readonly [string, () => Promise<object>, RegExp][] = [
    [
      'a rectangle outside the image',
      async () => ({ mask_region: { x: 190, y: 0, width: 20, height: 10 } }),
      /inside the image/,
    ],
    [
      'a mask of another size',
      async () => ({ mask_base64: (await transparent(100, 100)).toString('base64') }),
      /100x100, the image 200x100/,
    ],
    [
      'a mask without transparency',
      async () => ({ mask_base64: (await png(200, 100)).toString('base64') }),
      /transparency/,
    ],
    [
      'a mask that is opaque everywhere',
      async () => ({
        image_data_base64: (await png(512, 512)).toString('base64'),
        mask_base64: (await fixture('mask-512-opaque-alpha.png')).toString('base64'),
      }),
      /^The mask has no fully transparent pixel, so there is nothing that may be painted\.$/,
    ],
    [
      'a mask and a rectangle',
      async () => ({ mask_base64: 'AAAA', mask_region: { x: 0, y: 0, width: 1, height: 1 } }),
      /not both/,
    ],
  ]
  for (const [what, make, sentence] of wrong) {
    test(`rejects ${what} before Azure is called`, async (t: TestContext) => {
      const { url, simulator } = await startService(t, environment)
      const base64 = (await png(200, 100)).toString('base64')
      const { isError, text } = await callTool(url, 'edit_image', {
        prompt,
        image_data_base64: base64,
        ...(await make()),
      })
      t.assert.equal(isError, true)
      t.assert.match(text, sentence)
      t.assert.equal(simulator.requests.length, 0)
    })
  }
})

async function transparent(width: number, height: number): Promise<Buffer> {
  const background = { r: 0, g: 0, b: 0, alpha: 0 }
  return sharp({ create: { width, height, channels: 4, background } })
    .png()
    .toBuffer()
}

describe('several deployments', () => {
  async function two(t: TestContext, changes: object = {}) {
    const file = join(await temporaryFolder(t), 'deployments.json')
    const deployments = [
      { name: 'fine', deployment: 'gpt-image-2', priority: 1, fallbacks: ['fast'], ...changes },
      { name: 'fast', deployment: 'FLUX.2-pro', priority: 2 },
    ]
    await writeFile(file, JSON.stringify({ deployments }))
    return startService(t, { AZURE_DEPLOYMENT_NAME: undefined, AZURE_DEPLOYMENTS_FILE: file })
  }

  test('tools accept a model, and list_models describes arguments and prices', async (t: TestContext) => {
    const { url, simulator } = await two(t)
    const tools = await listTools(url)
    t.assert.deepEqual(tools.get('generate_image')?.model?.enum, ['fine', 'fast'])
    const { text } = await callTool(url, 'list_models', {})
    t.assert.match(text, /^fine \(gpt-image-2\), the default: generates \(.*quality/m)
    t.assert.match(text, /^fast \(FLUX\.2-pro\): .*US\$0\.015 per output megapixel/m)
    await callTool(url, 'generate_image', { prompt, model: 'fast', seed: 4 })
    t.assert.equal(simulator.requests[0]?.deployment, 'FLUX.2-pro')
  })

  test('an argument that the selected model does not support is rejected with the list of those it does', async (t: TestContext) => {
    const { url, simulator } = await two(t)
    const { isError, text } = await callTool(url, 'generate_image', { prompt, model: 'fast', quality: 'high' })
    t.assert.equal(isError, true)
    t.assert.match(text, /FLUX\.2-pro does not support quality; besides the prompt it supports .*seed/)
    t.assert.equal(simulator.requests.length, 0)
  })

  test('a fallback generates the image if none was generated before, and the response says so', async (t: TestContext) => {
    const { url, simulator } = await two(t, { deployment: 'nothing-of-that-name', model: 'gpt-image-2' })
    const { isError, text } = await callTool(url, 'generate_image', { prompt })
    t.assert.equal(isError, false, text)
    t.assert.match(text, /Generated by fast \(FLUX\.2-pro\), because fine was not available\./)
    t.assert.equal(simulator.requests.length, 2)
  })

  test('a fallback keeps a requested shape, and the response names what its model does not support', async (t: TestContext) => {
    const { url, simulator } = await two(t, { deployment: 'nothing', model: 'FLUX.1-Kontext-pro' })
    const shaped = await callTool(url, 'generate_image', { prompt, aspect_ratio: '16:9', seed: 3 })
    t.assert.match(shaped.text, /was not available\. It does not support the requested aspect_ratio\.$/)
    const { fields } = simulator.requests.at(-1) ?? {}
    t.assert.deepEqual([fields?.width, fields?.height, fields?.seed], [1360, 768, 3])
  })

  test('a fallback that cannot make the background transparent is not used', async (t: TestContext) => {
    const { url, simulator } = await two(t, { deployment: 'nothing', model: 'gpt-image-1.5' })
    const { isError } = await callTool(url, 'generate_image', { prompt, background: 'transparent' })
    t.assert.equal(isError, true)
    t.assert.equal(simulator.requests.length, 1)
    const { text } = await callTool(url, 'generate_image', { prompt, background: 'opaque', quality: 'high' })
    t.assert.match(text, /It does not support the requested quality, background\.$/)
  })
})
