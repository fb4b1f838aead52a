import { describe, type TestContext, test } from 'node:test'
import type { Environment } from '../../services/config/environment.ts'
import type { Simulator } from '../../simulator/app.ts'
import { png } from '../support/images/images.ts'
import { callTool, startService } from '../support/service.ts'

const prompt = 'a lighthouse'

/** The size in the last request, as Azure received it. */
function sentSize({ requests }: Simulator): string | undefined {
  const { size, width, height, aspect_ratio, auto_aspect_ratio } = requests.at(-1)?.fields ?? {}
  if (width !== undefined) return `${width}x${height}`
  return [size, aspect_ratio, auto_aspect_ratio].filter((value) => value !== undefined).join(' ') || undefined
}

async function schemaOfSize(url: string, tool: string): Promise<{ description: string; pattern: string }> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { tools } = JSON.parse(await response.text()).result
  return tools.find(({ name }: { name: string }) => name === tool).inputSchema.properties.size
}

describe('a size is pixels, a ratio or auto', () => {
  const rows: readonly [model: string, size: string, sent: string | undefined][] = [
    ['gpt-image-2', '1280x720', '1280x720'],
    ['gpt-image-2', '16:9', '1360x768'],
    ['gpt-image-2', 'auto', undefined],
    ['gpt-image-1.5', '16:9', '1536x1024'],
    ['gpt-image-1.5', 'auto', undefined],
    ['FLUX.2-pro', '9:16', '768x1360'],
    ['FLUX.2-pro', 'auto', undefined],
    ['MAI-Image-2.5', '4:3', '1152x864'],
    ['MAI-Image-2.5', 'auto', undefined],
    ['MAI-Image-2.6', 'auto', 'true'],
    ['FLUX.1-Kontext-pro', '1920x1080', '16:9'],
    ['FLUX.1-Kontext-pro', '300x200', '3:2'],
    ['FLUX.1-Kontext-pro', '1411x1000', '4:3'],
    ['FLUX.1-Kontext-pro', '1417x1000', '3:2'],
    ['FLUX.1-Kontext-pro', '5:1', '21:9'],
    ['FLUX.1-Kontext-pro', 'auto', undefined],
  ]
  for (const model of new Set(rows.map(([name]) => name))) {
    test(model, async (t: TestContext) => {
      const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: model })
      for (const [, size, sent] of rows.filter(([name]) => name === model)) {
        const { isError, text } = await callTool(url, 'generate_image', { prompt, size })
        t.assert.equal(isError, false, `${size} ${text}`)
        t.assert.equal(sentSize(simulator), sent, size)
      }
    })
  }

  test('in every spelling', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro' })
    const spellings = {
      '1280x720': ['1280x720', ' 1280 X 720 ', '1280*720', '1280×720', '1280 × 720 px', '1280ｘ720', '01280x0720'],
      '1360x768': ['16:9', '16 : 9', '16/9', '1920:1080', '1.7778:1', '2.6667:1.5', '16：9', '１６:９'],
    }
    for (const [sent, sizes] of Object.entries(spellings)) {
      for (const size of sizes) {
        const { isError, text } = await callTool(url, 'generate_image', { prompt, size })
        t.assert.equal(isError, false, `${size} ${text}`)
        t.assert.equal(sentSize(simulator), sent, size)
      }
    }
    await callTool(url, 'generate_image', { prompt, size: 'Auto' })
    t.assert.equal(sentSize(simulator), undefined)
  })

  test('any other text is rejected with a sentence, not a regular expression, before Azure is called', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    for (const size of ['large', '1024', '0x0', '16:0', '1024x', '-1x5', '1e3x1e3', '12345678x1', 'x'.repeat(99)]) {
      const { isError, text } = await callTool(url, 'generate_image', { prompt, size })
      t.assert.equal(isError, true, size)
      t.assert.match(text, /"size" must be width x height in pixels \(1024x1024\), a ratio \(16:9\) or auto/, size)
      t.assert.doesNotMatch(text, /\[|\\|\^/)
    }
    const { text } = await callTool(url, 'generate_image', { prompt, idempotency_key: 'a b' })
    t.assert.match(text, /"idempotency_key" must be 1 to 128 printable ASCII characters without spaces/)
    t.assert.equal(simulator.requests.length, 0)
  })
})

describe('the recommended sizes are generated unchanged', () => {
  const models: readonly [string, Environment?][] = [
    ['FLUX.1-Kontext-pro', { AZURE_API_VERSION: '2025-04-01-preview' }],
    ['FLUX-1.1-pro'],
    ['FLUX.2-pro'],
    ['gpt-image-1.5'],
    ['gpt-image-2'],
    ['MAI-Image-2.5'],
    ['MAI-Image-2.7'],
  ]
  for (const [model, environment = {}] of models) {
    test(model, async (t: TestContext) => {
      const { url } = await startService(t, { AZURE_DEPLOYMENT_NAME: model, ...environment })
      const { description, pattern } = await schemaOfSize(url, 'generate_image')
      const [, advice = ''] = /(?:Good choices:|generates) (.*?)\. /.exec(description) ?? []
      const sizes = advice.split(', ')
      t.assert.ok(sizes.length >= 2, description)
      for (const size of sizes) {
        t.assert.match(size, new RegExp(pattern))
        const { text } = await callTool(url, 'generate_image', { prompt, size })
        t.assert.match(text, /^Image successfully generated\.\nImage id: [^\n]+$/, size)
      }
    })
  }

  test('a model that follows only the shape recommends shapes', async (t: TestContext) => {
    const { url } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro' })
    for (const tool of ['generate_image', 'edit_image']) {
      const { description } = await schemaOfSize(url, tool)
      t.assert.match(description, /FLUX\.1-Kontext-pro follows only its shape: 1:1, 4:3, /)
      t.assert.doesNotMatch(description, /1024x1536/)
    }
  })
})

describe('an edit without a size', () => {
  const edit = async (url: string, width: number, height: number, more: object = {}) =>
    callTool(url, 'edit_image', { prompt, image_data_base64: (await png(width, height)).toString('base64'), ...more })

  const rows: readonly [model: string, sent: string][] = [
    ['gpt-image-2', '1056x1408'],
    ['FLUX.2-pro', '1056x1408'],
    ['MAI-Image-2.7', '1056x1408'],
  ]
  for (const [model, sent] of rows) {
    test(`${model} gets the shape of the image in at most 1572864 pixels, and the result says how to get more`, async (t: TestContext) => {
      const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: model })
      const { text } = await edit(url, 1800, 2400)
      t.assert.equal(sentSize(simulator), sent)
      t.assert.match(text, /Size: 1056x1408 \(1800x2400 was sent; for more pixels request a size, such as \d+x\d+\)\.$/)
      const [, larger = ''] = /such as (\d+x\d+)/.exec(text) ?? []
      await edit(url, 1800, 2400, { size: larger })
      t.assert.equal(sentSize(simulator), larger)
    })
  }

  test('has at most DEFAULT_EDIT_MAX_PIXELS, and never more than the image', async (t: TestContext) => {
    const environment = { AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro', DEFAULT_EDIT_MAX_PIXELS: '500000' }
    const { url, simulator } = await startService(t, environment)
    await edit(url, 1600, 800)
    t.assert.equal(sentSize(simulator), '992x496')
    await edit(url, 640, 320)
    t.assert.equal(sentSize(simulator), '640x320')
    await edit(url, 1600, 800, { size: '1:1' })
    t.assert.equal(sentSize(simulator), '704x704')
    const { description } = await schemaOfSize(url, 'edit_image')
    t.assert.match(description, /By default that of the image, at most 500000 pixels\./)
  })

  test('of which the size differs says that it was sent, not requested', async (t: TestContext) => {
    const { url } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-1.5' })
    const { text } = await edit(url, 90, 120)
    t.assert.match(
      text,
      /Size: 1024x1536 \(90x120 was sent; this is the nearest size that gpt-image-1\.5 generates\)\.$/,
    )
    const requested = await edit(url, 90, 120, { size: '800x600' })
    t.assert.match(requested.text, /Size: 1536x1024 \(800x600 was requested; this is the nearest size/)
    const shape = await edit(url, 90, 120, { size: '16:9' })
    t.assert.match(shape.text, /Size: 1536x1024 \(16:9 was requested; this is the nearest shape/)
  })

  test('keeps its shape with auto where the model would crop it', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro' })
    await edit(url, 800, 400, { size: 'auto' })
    t.assert.equal(sentSize(simulator), '800x400')
  })
})
