import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { argumentNames } from '../../services/parameters/arguments.ts'
import { listen } from '../support/app.ts'
import { argumentValues } from '../support/argument-values.ts'
import { fakeAzure, fileOf, imageResult, responding, type SeenRequest } from '../support/fake-azure.ts'
import { png } from '../support/images/images.ts'
import { callTool } from '../support/service.ts'

const prompt = 'a lighthouse'
const image = (await png(64, 64)).toString('base64')
const mask = (
  await sharp(Buffer.alloc(64 * 64 * 4), { raw: { width: 64, height: 64, channels: 4 } })
    .png()
    .toBuffer()
).toString('base64')

interface Sent {
  /** Values of a form are texts. */
  isForm: boolean
  fields: Readonly<Record<string, unknown>>
  /** The fields of files. */
  files: readonly string[]
}

/** The fields of a body, JSON or a form. */
function sentBy({ headers, body }: SeenRequest): Sent {
  if (!/^multipart/.test(headers['content-type'] ?? '')) {
    const members = Object.entries<unknown>(JSON.parse(body.toString('utf8')))
    return {
      isForm: false,
      fields: Object.fromEntries(members),
      files: members.map(([name]) => name).filter((name) => name.startsWith('input_image')),
    }
  }
  const text = body.toString('latin1')
  const fields = [...text.matchAll(/name="([^"]+)"\r\n\r\n([^\r]*)\r\n/g)].map(([, name = '', value = '']) => [
    name,
    value,
  ])
  const files = [...text.matchAll(/name="([^"]+)"; filename=/g)].map(([, name = '']) => name)
  return { isForm: true, fields: Object.fromEntries(fields), files }
}

type IsSent = (sent: Sent, value: unknown) => boolean
const asField =
  (name: string): IsSent =>
  ({ isForm, fields }, value) =>
    fields[name] === (isForm ? String(value) : value)
const asMask: IsSent = ({ files }) => files.includes('mask')
/** Beside the image to edit, one of each argument that was sent. */
const hasReferences: IsSent = ({ files }) => files.filter((field) => field !== 'mask').length >= 2

/** How an argument is recognized in a request that does not have it as a field of its name. */
const recognized: Readonly<Record<string, IsSent>> = {
  // The pixels of a ratio are those of the image.
  size: ({ isForm, fields: { size, width, height, aspect_ratio } }, value) => {
    const edges = size === undefined ? [width, height] : String(size).split('x').map(Number)
    const areNumbers = isForm || edges.every((edge) => typeof edge === 'number')
    const isSquare = areNumbers && edges[0] === edges[1] && Number(edges[0]) > 0
    return aspect_ratio === '1:1' || (isSquare && (value === '1:1' || Number(edges[0]) === 1024))
  },
  mask_base64: asMask,
  mask_image: asMask,
  mask_region: asMask,
  reference_images: hasReferences,
  reference_images_base64: hasReferences,
}

const samples: Readonly<Record<string, readonly unknown[]>> = {
  ...argumentValues,
  mask_base64: [mask],
  mask_image: ['image:///mask.png'],
  reference_images: [['image:///image.png']],
  reference_images_base64: [[image]],
}

async function startWith(t: TestContext, model: string, dialect: string, row?: object) {
  const azure = await fakeAzure(t, responding(200, imageResult))
  const { url, images } = await listen(t, {
    AZURE_BASE_URL: azure.url,
    AZURE_DEPLOYMENT_NAME: model,
    AZURE_API_DIALECT: dialect,
    AZURE_MODELS_FILE: row && (await fileOf(t, { models: [row] })),
    AZURE_STREAM: 'never',
    TOOL_CALLS_PER_MINUTE: '0',
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'silent',
  })
  await writeFile(join(images, 'image.png'), Buffer.from(image, 'base64'))
  await writeFile(join(images, 'mask.png'), Buffer.from(mask, 'base64'))
  /** Whether the call was accepted; then each of its arguments must be in the request, else nothing may be sent. */
  const isAccepted = async (tool: string, args: Readonly<Record<string, unknown>>): Promise<boolean> => {
    const before = azure.seen.length
    const input = tool === 'edit_image' ? { image_data_base64: image } : {}
    const { isError, text } = await callTool(url, tool, { prompt, ...input, ...args })
    const where = `${tool} ${JSON.stringify(Object.entries(args).map(([name, value]) => [name, String(value).slice(0, 30)]))}: ${text}`
    t.assert.strictEqual(azure.seen.length - before, isError ? 0 : 1, where)
    const request = azure.seen.at(-1)
    if (isError || request === undefined) return false
    const sent = sentBy(request)
    for (const [name, value] of Object.entries(args))
      t.assert.ok(
        (recognized[name] ?? asField(name))(sent, value),
        `${name} is not in the request of ${where} ${JSON.stringify(sent)}`,
      )
    return true
  }
  return { isAccepted }
}

type Argument = readonly [name: string, value: unknown]

async function checkAlone(t: TestContext, model: string, dialect: string, tool: string, row?: object) {
  const { isAccepted } = await startWith(t, model, dialect, row)
  const accepted: Argument[] = []
  for (const name of argumentNames) {
    for (const value of samples[name] ?? []) if (await isAccepted(tool, { [name]: value })) accepted.push([name, value])
  }
  return { accepted, isAccepted }
}

test('every argument has a sample', (t: TestContext) => {
  t.assert.deepStrictEqual(
    argumentNames.filter((name) => !samples[name]?.length),
    [],
  )
})

async function checkPairs(t: TestContext, model: string, dialect: string, tool: string, row?: object) {
  const { accepted, isAccepted } = await checkAlone(t, model, dialect, tool, row)
  let calls = 0
  for (const [index, [first, one]] of accepted.entries()) {
    for (const [second, other] of accepted.slice(index + 1)) {
      if (second === first) continue
      await isAccepted(tool, { [first]: one, [second]: other })
      calls++
    }
  }
  t.diagnostic(`${calls} pairs of ${accepted.length} values`)
}

const native: readonly (readonly [model: string, dialect: string])[] = [
  ['FLUX.1-Kontext-pro', 'bfl'],
  ['FLUX.1-Kontext-pro', 'deployments'],
  ['FLUX-1.1-pro', 'bfl'],
  ['FLUX.2-flex', 'bfl'],
  ['gpt-image-1.5', 'deployments'],
  ['gpt-image-2.5-flare', 'v1'],
  ['MAI-Image-2.5', 'mai'],
  ['MAI-Image-2.6', 'mai'],
  ['MAI-Image-2.7', 'mai'],
]

const toolsOf = (model: string) => (model === 'FLUX-1.1-pro' ? ['generate_image'] : ['generate_image', 'edit_image'])

describe('every argument, and every pair of arguments, reaches Azure or is rejected before Azure is called', () => {
  for (const [model, dialect] of native) {
    for (const tool of toolsOf(model)) {
      test(`${tool} with ${model} on ${dialect}`, (t: TestContext) => checkPairs(t, model, dialect, tool))
    }
  }

  const everything = { mask: true, max_images: 4, chooses_format: true, formats: ['png', 'jpeg', 'gif', 'svg'] }
  const rows: Readonly<Record<string, object>> = {
    'gpt-image of one format': { like: 'gpt-image-1.5', formats: ['jpeg'], backgrounds: ['opaque'] },
    'gpt-image with all that its dialect sends': { like: 'gpt-image-1.5', ...everything, complexities: ['low'] },
    'gpt-image with a repeated image': { like: 'gpt-image-1.5', images_field: 'image' },
    'FLUX.2 with ratios': { like: 'FLUX.2-pro', aspect_ratios: ['1:1', '16:9'], formats: ['jpeg'] },
    'FLUX.2 without sizes': { like: 'FLUX.2-flex', generate_size: { kind: 'none' }, edit_size: { kind: 'none' } },
    'MAI with all that its dialect sends': { like: 'MAI-Image-2.7', grounding: true, images_field: 'image[]' },
  }
  for (const [what, row] of Object.entries(rows)) {
    for (const tool of ['generate_image', 'edit_image']) {
      test(`${tool} with a row for ${what}`, (t: TestContext) =>
        checkPairs(t, 'our-model', 'auto', tool, { id: 'our-model', ...row }))
    }
  }
})

describe('every argument reaches Azure or is rejected also on a dialect that the operator chose', () => {
  for (const model of ['FLUX.1-Kontext-pro', 'FLUX.2-flex', 'gpt-image-1.5', 'MAI-Image-2.6']) {
    for (const dialect of ['deployments', 'v1', 'bfl', 'mai']) {
      test(`${model} on ${dialect}`, async (t: TestContext) => {
        for (const tool of toolsOf(model)) await checkAlone(t, model, dialect, tool)
      })
    }
  }
})
