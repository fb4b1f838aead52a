import { describe, type TestContext, test } from 'node:test'
import { type DialectName, type Model, ModelSchema } from '../../../schemas/models.ts'
import { onRoute } from '../../../services/azure/dialects/index.ts'
import { InvalidFileError } from '../../../services/azure/file-problems.ts'
import { families, unknownModels } from '../../../services/azure/models/families.ts'
import { createModelCatalog } from '../../../services/azure/models/model-catalog.ts'
import { modelTable } from '../../../services/azure/models/table.ts'
import type { EditRequest, ImageRequest } from '../../../services/azure/types.ts'
import type { ArgumentName } from '../../../services/parameters/arguments.ts'
import { capabilities, unreachable } from '../../../services/parameters/wire.ts'
import {
  callContext,
  clientOf,
  deploymentOf,
  fakeAzure,
  imageResult,
  pixelPng,
  responding,
} from '../../support/fake-azure.ts'

const prompt = 'A boat'
const bytes = Buffer.from(pixelPng, 'base64')
const image = { bytes, mimeType: 'image/png', width: 1, height: 1 } as const
const sizes = { kind: 'choices' as const, sizes: ['1111x2222'] }
const size = { width: 1111, height: 2222 }
const sizeSent = /1111x2222|"width":1111,"height":2222|name="width"\r\n\r\n1111\r\n/

/** A row that allows an argument, a request with the argument, and how it appears in the body. */
interface Sample {
  /** The member of the row, as a models file writes it. */
  member: string
  row: Partial<Model>
  request?: Partial<ImageRequest>
  edit?: Partial<EditRequest>
  sent: RegExp
}

const field = (name: string, value: string | number | boolean) =>
  new RegExp(`"${name}":"?${value}"?[,}]|name="${name}"\\r\\n\\r\\n${value}\\r\\n`)

const mask: Sample = { member: 'mask', row: { mask: true }, edit: { mask: image }, sent: /name="mask"/ }

const references: Sample = {
  member: 'max_images',
  row: { maxImages: 2 },
  edit: { images: [image, image] },
  sent: /("input_image_2":)|(name="image(\[\])?"[\s\S]*name="image(\[\])?")/,
}

const samples: Readonly<Record<ArgumentName, Sample>> & Readonly<Record<string, Sample>> = {
  size: { member: 'generate_size', row: { generateSize: sizes }, request: { size }, sent: sizeSent },
  'size of an edit': { member: 'edit_size', row: { editSize: sizes }, edit: { size }, sent: sizeSent },
  aspect_ratio: {
    member: 'aspect_ratios',
    row: { aspectRatios: ['16:9'] },
    request: { aspect_ratio: '16:9' },
    sent: field('aspect_ratio', '16:9'),
  },
  n: { member: 'max_count', row: { maxCount: 4 }, request: { n: 3 }, sent: field('n', 3) },
  reference_images: references,
  reference_images_base64: references,
  'field for further images': {
    member: 'images_field',
    row: { maxImages: 2, imagesField: 'image[]' },
    edit: { images: [image, image] },
    sent: /name="image\[\]"[\s\S]*name="image\[\]"/,
  },
  mask_image: mask,
  mask_base64: mask,
  mask_region: mask,
  seed: { member: 'seed', row: { seed: true }, request: { seed: 77 }, sent: field('seed', 77) },
  quality: {
    member: 'qualities',
    row: { qualities: ['fine'] },
    request: { quality: 'fine' },
    sent: field('quality', 'fine'),
  },
  complexity: {
    member: 'complexities',
    row: { complexities: ['low'] },
    request: { complexity: 'low' },
    sent: field('complexity', 'low'),
  },
  output_format: {
    member: 'chooses_format',
    row: { choosesFormat: true },
    request: { output_format: 'jpeg' },
    sent: field('output_format', 'jpeg'),
  },
  output_compression: {
    member: 'compression',
    row: { choosesFormat: true, compression: true },
    request: { output_format: 'jpeg', output_compression: 33 },
    sent: field('output_compression', 33),
  },
  background: {
    member: 'backgrounds',
    row: { backgrounds: ['opaque'] },
    request: { background: 'opaque' },
    sent: field('background', 'opaque'),
  },
  input_fidelity: {
    member: 'input_fidelities',
    row: { inputFidelities: ['high'] },
    edit: { input_fidelity: 'high' },
    sent: field('input_fidelity', 'high'),
  },
  guidance: {
    member: 'guidance',
    row: { guidance: { minimum: 1, maximum: 9 } },
    request: { guidance: 5 },
    sent: field('guidance', 5),
  },
  steps: {
    member: 'steps',
    row: { steps: { minimum: 1, maximum: 9 } },
    request: { steps: 7 },
    sent: field('steps', 7),
  },
  auto_aspect_ratio: {
    member: 'grounding',
    row: { grounding: true },
    request: { auto_aspect_ratio: true },
    sent: field('auto_aspect_ratio', true),
  },
  web_grounding: {
    member: 'grounding',
    row: { grounding: true },
    request: { web_grounding: true },
    sent: field('web_grounding', true),
  },
  'event stream': { member: 'streaming', row: { streaming: true }, request: {}, sent: field('stream', true) },
}

/** A row of the dialect that allows no argument. */
function bareRow(dialect: DialectName, changes: Partial<Model> = {}): Model {
  const row: Model = { id: 'sample', ...unknownModels[dialect], ...changes, dialects: [dialect] }
  return capabilities.reduce((model, { remove }) => remove(model), row)
}

const routes: readonly (readonly [string, (changes: Partial<Model>) => Model])[] = [
  ...(['deployments', 'v1', 'bfl', 'mai'] as const).map(
    (dialect) => [dialect, (changes: Partial<Model>) => ({ ...bareRow(dialect), ...changes })] as const,
  ),
  ['deployments for FLUX', (changes) => ({ ...bareRow('deployments', { providerPath: 'flux' }), ...changes })],
]

/** The bodies of the requests with a sample. */
async function bodiesOf(
  t: TestContext,
  model: Model,
  { request, edit }: Pick<Sample, 'request' | 'edit'>,
): Promise<string[]> {
  const azure = await fakeAzure(t, responding(200, imageResult))
  const images = clientOf(t, [deploymentOf(azure.url, 'sample', { model })], { streaming: 'always' })
  const context = () => callContext()
  // The fake sends no event stream, and only the request matters.
  if (request !== undefined) await images.generate({ prompt, ...request }, context()).catch(() => {})
  await images.edit({ prompt, images: [image], ...request, ...edit }, context()).catch(() => {})
  return azure.seen.map(({ body }) => body.toString('latin1'))
}

describe('an argument that a row allows is sent, or the row is rejected', () => {
  for (const [route, rowOf] of routes) {
    for (const [name, sample] of Object.entries(samples)) {
      test(`${name} on ${route}`, async (t: TestContext) => {
        const model = rowOf(sample.row)
        t.assert.deepEqual(unreachable(rowOf({})), [])
        const problems = unreachable(model).filter((problem) => problem.includes(`(${sample.member})`))
        const bodies = await bodiesOf(t, model, sample)
        const isSent = bodies.length > 0 && bodies.every((body) => sample.sent.test(body))
        t.assert.equal(isSent, problems.length === 0, bodies.join('\n').slice(0, 500))
      })
    }
  }

  test('every member of a row that allows an argument has a wire form', (t: TestContext) => {
    const facts =
      'id dialects providerPath apiVersion operations formats maxPromptCharacters promptAdvice fields price tokens'
    const others = Object.keys(ModelSchema.properties).filter(
      (key) => !`${facts} retires aliases sources`.split(' ').includes(key),
    )
    const members = capabilities.map(({ member }) => member)
    t.assert.deepEqual(members.toSorted(), others.toSorted())
  })

  test('the built-in rows allow only what their routes send', (t: TestContext) => {
    const unknown = [...Object.values(unknownModels), ...families.map(({ row }) => row)]
    for (const model of [...modelTable, ...unknown.map((row) => ({ ...row, id: 'unknown' }))]) {
      t.assert.deepEqual(unreachable(model), [], model.id)
    }
  })

  test('a models file is rejected with every unreachable member and its route', (t: TestContext) => {
    const emptyRange = {
      kind: 'range',
      step: 100,
      min_edge: 150,
      max_edge: 950,
      min_pixels: 40_001,
      max_pixels: 59_999,
      max_ratio: 2,
    }
    const models = [
      { id: 'a', like: 'MAI-Image-2.7', max_count: 4, mask: true },
      { id: 'b', like: 'FLUX.2-pro', qualities: ['high'] },
      { id: 'c', like: 'gpt-image-2', chooses_format: false },
      { id: 'd', like: 'MAI-Image-2.7', max_images: 4, backgrounds: ['transparent'] },
      { id: 'e', like: 'MAI-Image-2.7', retires: '2027-13-01' },
      { id: 'f', like: 'FLUX.2-flex', edit_size: emptyRange },
    ]

    try {
      createModelCatalog({ models })
      throw new Error('the file was accepted')
    } catch (error) {
      if (!(error instanceof InvalidFileError)) throw error
      t.assert.deepEqual(error.problems, [
        'a: the mai route has no n (max_count)',
        'a: the mai route has no mask_base64 and mask_region (mask)',
        'b: the bfl route has no quality (qualities)',
        'c: compression is that of JPEG, which needs chooses_format and "jpeg" among the formats',
        'e: retires must be a day of the calendar as YYYY-MM-DD',
        'f: edit_size allows no size',
      ])
    }
  })

  test('on a configured route a model offers what that route can send', (t: TestContext) => {
    for (const model of modelTable) {
      for (const route of ['deployments', 'v1', 'bfl', 'mai'] as const) {
        const restricted = onRoute(model, route)
        t.assert.deepEqual(unreachable({ ...restricted, dialects: [route] }), [], `${model.id} on ${route}`)
      }
    }
  })

  test('fields from the models file are sent on every route', async (t: TestContext) => {
    for (const [route, rowOf] of routes) {
      const bodies = await bodiesOf(t, rowOf({ fields: { some_field: 'x' } }), { request: {} })
      t.assert.equal(bodies.length, 2)
      for (const body of bodies) t.assert.match(body, field('some_field', 'x'), route)
    }
  })

  test('fields from the models file are defaults for what a request omits, on every route', async (t: TestContext) => {
    const names = 'size width quality output_format output_compression background input_fidelity seed guidance steps'
    const fields = Object.fromEntries([...names.split(' '), 'aspect_ratio', 'web_grounding'].map((name) => [name, 'x']))
    for (const [route, rowOf] of routes) {
      for (const body of await bodiesOf(t, rowOf({ fields }), { request: {} })) {
        for (const name of Object.keys(fields)) t.assert.match(body, field(name, 'x'), route)
      }
    }
  })
})
