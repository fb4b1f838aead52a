import { describe, type TestContext, test } from 'node:test'
import { type DialectName, type Model, ModelSchema } from '../../../schemas/models.ts'
import { onRoute } from '../../../services/azure/dialects/index.ts'
import { unreachable, type WireArgument, wireArguments } from '../../../services/azure/dialects/wire-arguments.ts'
import { createModelCatalog, FileProblems } from '../../../services/azure/models/model-catalog.ts'
import { families, modelTable, unknownModels } from '../../../services/azure/models/table.ts'
import type { EditRequest, ImageRequest } from '../../../services/azure/types.ts'
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

/** What makes a row allow an argument, a request that has it, and how its body shows it. */
interface Sample {
  row: Partial<Model>
  request?: Partial<ImageRequest>
  edit?: Partial<EditRequest>
  sent: RegExp
}

const field = (name: string, value: string | number | boolean) =>
  new RegExp(`"${name}":"?${value}"?[,}]|name="${name}"\\r\\n\\r\\n${value}\\r\\n`)

const samples: Readonly<Record<WireArgument, Sample>> = {
  size: { row: { generateSize: sizes }, request: { size }, sent: sizeSent },
  'size of an edit': {
    row: { editSize: sizes },
    edit: { size },
    sent: sizeSent,
  },
  aspect_ratio: {
    row: { aspectRatios: ['16:9'] },
    request: { aspectRatio: '16:9' },
    sent: field('aspect_ratio', '16:9'),
  },
  n: { row: { maxCount: 4 }, request: { count: 3 }, sent: field('n', 3) },
  'further images': {
    row: { maxImages: 2 },
    edit: { images: [image, image] },
    sent: /("input_image_2":)|(name="image(\[\])?"[\s\S]*name="image(\[\])?")/,
  },
  'field for further images': {
    row: { maxImages: 2, imagesField: 'image[]' },
    edit: { images: [image, image] },
    sent: /name="image\[\]"[\s\S]*name="image\[\]"/,
  },
  mask: { row: { mask: true }, edit: { mask: image }, sent: /name="mask"/ },
  seed: { row: { seed: true }, request: { seed: 77 }, sent: field('seed', 77) },
  quality: { row: { qualities: ['fine'] }, request: { quality: 'fine' }, sent: field('quality', 'fine') },
  output_format: {
    row: { choosesFormat: true },
    request: { format: 'jpeg' },
    sent: field('output_format', 'jpeg'),
  },
  output_compression: {
    row: { choosesFormat: true, compression: true },
    request: { format: 'jpeg', compression: 33 },
    sent: field('output_compression', 33),
  },
  background: {
    row: { backgrounds: ['opaque'] },
    request: { background: 'opaque' },
    sent: field('background', 'opaque'),
  },
  input_fidelity: {
    row: { inputFidelities: ['high'] },
    edit: { inputFidelity: 'high' },
    sent: field('input_fidelity', 'high'),
  },
  guidance: { row: { guidance: { minimum: 1, maximum: 9 } }, request: { guidance: 5 }, sent: field('guidance', 5) },
  steps: { row: { steps: { minimum: 1, maximum: 9 } }, request: { steps: 7 }, sent: field('steps', 7) },
  'auto_aspect_ratio and web_grounding': {
    row: { grounding: true },
    request: { autoAspectRatio: true, webGrounding: true },
    sent: /auto_aspect_ratio"[\s\S]*web_grounding"/,
  },
  'event stream': { row: { streaming: true }, request: {}, sent: field('stream', true) },
}

/** A row of that dialect that allows nothing. */
function bareRow(dialect: DialectName, changes: Partial<Model> = {}): Model {
  let row: Model = { id: 'sample', ...unknownModels[dialect], ...changes, dialects: [dialect] }
  for (const { without } of wireArguments) row = without(row)
  return row
}

const routes: readonly (readonly [string, (changes: Partial<Model>) => Model])[] = [
  ...(['deployments', 'v1', 'bfl', 'mai'] as const).map(
    (dialect) => [dialect, (changes: Partial<Model>) => ({ ...bareRow(dialect), ...changes })] as const,
  ),
  ['deployments for FLUX', (changes) => ({ ...bareRow('deployments', { providerPath: 'flux' }), ...changes })],
]

/** The body of each request that the samples make. */
async function bodiesOf(t: TestContext, model: Model, { request, edit }: Sample): Promise<string[]> {
  const azure = await fakeAzure(t, responding(200, imageResult))
  const images = clientOf(t, [deploymentOf(azure.url, 'sample', { model })], { streaming: 'always' })
  const context = () => callContext()
  // The fake answers no event stream; what was sent is what matters.
  if (request !== undefined) await images.generate({ prompt, ...request }, context()).catch(() => {})
  await images.edit({ prompt, images: [image], ...request, ...edit }, context()).catch(() => {})
  return azure.seen.map(({ body }) => body.toString('latin1'))
}

describe('what a row allows reaches the wire, or the row is rejected', () => {
  for (const [route, rowOf] of routes) {
    for (const { name, member } of wireArguments) {
      test(`${name} on ${route}`, async (t: TestContext) => {
        const sample = samples[name]
        const model = rowOf(sample.row)
        t.assert.deepEqual(unreachable(rowOf({})), [])
        const problems = unreachable(model).filter((problem) => problem.includes(`(${member})`))
        const bodies = await bodiesOf(t, model, sample)
        const isSent = bodies.length > 0 && bodies.every((body) => sample.sent.test(body))
        t.assert.equal(isSent, problems.length === 0, bodies.join('\n').slice(0, 500))
      })
    }
  }

  test('every argument of a row has its rule', (t: TestContext) => {
    const facts = 'id dialects providerPath apiVersion operations formats maxPromptCharacters promptAdvice fields price'
    const others = Object.keys(ModelSchema.properties).filter((key) => !`${facts} retires`.split(' ').includes(key))
    const members = wireArguments.map(({ member }) =>
      member.replaceAll(/_([a-z])/g, (_all, a: string) => a.toUpperCase()),
    )
    t.assert.deepEqual(members.toSorted(), others.toSorted())
  })

  test('the built-in rows allow nothing that their routes do not send', (t: TestContext) => {
    const unknown = [...Object.values(unknownModels), ...families.map(({ row }) => row)]
    for (const model of [...modelTable, ...unknown.map((row) => ({ ...row, id: 'unknown' }))]) {
      t.assert.deepEqual(unreachable(model), [], model.id)
    }
  })

  test('a models file is rejected with every such member, and with the route', (t: TestContext) => {
    const models = [
      { id: 'a', like: 'MAI-Image-2.7', max_count: 4, mask: true },
      { id: 'b', like: 'FLUX.2-pro', qualities: ['high'] },
      { id: 'c', like: 'gpt-image-2', chooses_format: false },
      { id: 'd', like: 'MAI-Image-2.7', max_images: 4, backgrounds: ['transparent'] },
      { id: 'e', like: 'MAI-Image-2.7', retires: '2027-13-01' },
    ]
    try {
      createModelCatalog({ models })
      throw new Error('the file was accepted')
    } catch (error) {
      if (!(error instanceof FileProblems)) throw error
      t.assert.deepEqual(error.problems, [
        'a: the mai route has no n (max_count)',
        'a: the mai route has no mask (mask)',
        'b: the bfl route has no quality (qualities)',
        'c: compression is that of JPEG, which needs chooses_format and "jpeg" among the formats',
        'e: retires is no date',
      ])
    }
  })

  test('on a route that is forced upon it a model offers what that can send', (t: TestContext) => {
    for (const model of modelTable) {
      for (const route of ['deployments', 'v1', 'bfl', 'mai'] as const) {
        const able = onRoute(model, route)
        t.assert.deepEqual(unreachable({ ...able, dialects: [route] }), [], `${model.id} on ${route}`)
      }
    }
  })

  test('fields of the operator are sent on every route', async (t: TestContext) => {
    for (const [route, rowOf] of routes) {
      const bodies = await bodiesOf(t, rowOf({ fields: { some_field: 'x' } }), { row: {}, request: {}, sent: /./ })
      t.assert.equal(bodies.length, 2)
      for (const body of bodies) t.assert.match(body, field('some_field', 'x'), route)
    }
  })

  test('fields of the operator stand in for what a request does not say, on every route', async (t: TestContext) => {
    const names = 'size width quality output_format output_compression background input_fidelity seed guidance steps'
    const fields = Object.fromEntries([...names.split(' '), 'aspect_ratio', 'web_grounding'].map((name) => [name, 'x']))
    for (const [route, rowOf] of routes) {
      for (const body of await bodiesOf(t, rowOf({ fields }), { row: {}, request: {}, sent: /./ })) {
        for (const name of Object.keys(fields)) t.assert.match(body, field(name, 'x'), route)
      }
    }
  })
})
