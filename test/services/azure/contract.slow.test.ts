import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import type { DialectName, Model } from '../../../schemas/models.ts'
import { keyCredential } from '../../../services/azure/credential.ts'
import type { DeploymentOptions } from '../../../services/azure/deployment.ts'
import { modelTable } from '../../../services/azure/models/table.ts'
import type { EditRequest, ImageRequest } from '../../../services/azure/types.ts'
import type { InputImage } from '../../../services/imaging/types.ts'
import { fitSize } from '../../../services/parameters/size-fitting.ts'
import type { Simulator } from '../../../simulator/app.ts'
import { callContext, clientOf, deploymentOf } from '../../support/fake-azure.ts'
import { startSimulator } from '../../support/simulator.ts'

/**
 * What we rely on in Azure, model by model and argument by argument. It runs on the simulator always, and with
 * AZURE_CONTRACT_BASE_URL, AZURE_CONTRACT_API_KEY, AZURE_CONTRACT_DEPLOYMENT and AZURE_CONTRACT_MODEL on a real
 * deployment too, where every case is paid for.
 */

const prompt = 'A red boat on a calm lake'

async function image(width: number, height: number, alpha = false): Promise<InputImage> {
  const background = alpha ? { r: 0, g: 0, b: 0, alpha: 0 } : { r: 200, g: 120, b: 40 }
  const image = sharp({ create: { width, height, channels: alpha ? 4 : 3, background } })
  return { bytes: await image.png().toBuffer(), mimeType: 'image/png', width, height }
}

/** An argument, whether a model accepts it, and the field in which it is sent. */
interface Sample {
  name: string
  isAccepted: (model: Model) => boolean
  request: (model: Model) => Partial<ImageRequest & EditRequest>
  field: string
  value: (model: Model) => unknown
}

const samples: readonly Sample[] = [
  { name: 'n', isAccepted: ({ maxCount }) => maxCount > 1, request: () => ({ n: 2 }), field: 'n', value: () => 2 },
  { name: 'seed', isAccepted: ({ seed }) => seed, request: () => ({ seed: 7 }), field: 'seed', value: () => 7 },
  {
    name: 'quality',
    isAccepted: ({ qualities }) => qualities.length > 0,
    request: ({ qualities }) => ({ quality: qualities.at(-2) }),
    field: 'quality',
    value: ({ qualities }) => qualities.at(-2),
  },
  {
    name: 'output_format',
    isAccepted: ({ choosesFormat }) => choosesFormat,
    request: () => ({ output_format: 'jpeg' }),
    field: 'output_format',
    value: () => 'jpeg',
  },
  {
    name: 'output_compression',
    isAccepted: ({ compression }) => compression,
    request: () => ({ output_format: 'jpeg', output_compression: 60 }),
    field: 'output_compression',
    value: () => 60,
  },
  {
    name: 'background',
    isAccepted: ({ backgrounds }) => backgrounds.length > 0,
    request: () => ({ background: 'transparent' }),
    field: 'background',
    value: () => 'transparent',
  },
  {
    name: 'guidance',
    isAccepted: ({ guidance }) => guidance !== undefined,
    request: () => ({ guidance: 3 }),
    field: 'guidance',
    value: () => 3,
  },
  {
    name: 'steps',
    isAccepted: ({ steps }) => steps !== undefined,
    request: () => ({ steps: 20 }),
    field: 'steps',
    value: () => 20,
  },
  {
    name: 'aspect_ratio',
    isAccepted: ({ aspectRatios }) => aspectRatios.length > 0,
    request: () => ({ aspect_ratio: '16:9' }),
    field: 'aspect_ratio',
    value: () => '16:9',
  },
  {
    name: 'auto_aspect_ratio',
    isAccepted: ({ grounding }) => grounding,
    request: () => ({ auto_aspect_ratio: true }),
    field: 'auto_aspect_ratio',
    value: () => true,
  },
  {
    name: 'web_grounding',
    isAccepted: ({ grounding }) => grounding,
    request: () => ({ web_grounding: true }),
    field: 'web_grounding',
    value: () => true,
  },
]

interface Far {
  deployment: DeploymentOptions
  simulator?: Simulator
}

/** One model on one of its routes, on the simulator. */
async function simulated(t: TestContext, model: Model, dialect: DialectName): Promise<Far> {
  const { simulator, url } = await startSimulator(t)
  const credential = keyCredential('simulated-key')
  return { deployment: deploymentOf(url, model.id, { dialect, credential }), simulator }
}

function client(t: TestContext, { deployment }: Far, streaming: 'never' | 'always' = 'never') {
  return clientOf(t, [deployment], { maxResponseBytes: 100_000_000, streaming })
}

const lastFields = (simulator: Simulator | undefined) => simulator?.requests.at(-1)?.fields ?? {}

function suite(title: string, model: Model, far: (t: TestContext) => Promise<Far>) {
  describe(title, () => {
    test('generates an image of the requested size', async (t: TestContext) => {
      const place = await far(t)
      const images = client(t, place)
      const size = fitSize(images.deployment.capabilities.generateSize, { width: 1024, height: 1024 })
      const response = await images.generate({ prompt, size }, callContext({ deadlineAt: performance.now() + 300_000 }))
      const [{ width, height, mimeType }] = response.images
      t.assert.deepEqual({ width, height }, size)
      t.assert.match(mimeType, /^image\/(png|jpeg)$/)
      t.assert.equal(place.simulator?.requests.length ?? 1, 1)
    })

    if (model.operations.includes('edit')) {
      test('edits with the maximum number of images', async (t: TestContext) => {
        const place = await far(t)
        const images = client(t, place)
        const input = await image(1024, 768)
        const references = Array.from({ length: images.deployment.capabilities.maxImages - 1 }, () => input)
        const rule = images.deployment.capabilities.editSize
        const size = rule.kind === 'none' ? undefined : fitSize(rule, input)
        const response = await images.edit(
          { prompt, size, images: [input, ...references] },
          callContext({ deadlineAt: performance.now() + 300_000 }),
        )
        t.assert.equal(response.images.length, 1)
        if (place.simulator === undefined) return
        t.assert.equal(place.simulator.requests.at(-1)?.files.length, references.length + 1)
      })
    }

    if (model.mask) {
      test('edits with a mask', async (t: TestContext) => {
        const place = await far(t)
        const mask = await image(1024, 1024, true)
        const request = { prompt, images: [await image(1024, 1024)] as const, mask }
        const response = await client(t, place).edit(request, callContext({ deadlineAt: performance.now() + 300_000 }))
        t.assert.equal(response.images.length, 1)
      })
    }

    if (model.streaming) {
      test('returns an event stream with a partial image', async (t: TestContext) => {
        const stages: string[] = []
        const place = await far(t)
        const context = callContext({
          progress: (stage) => stages.push(stage),
          deadlineAt: performance.now() + 300_000,
        })
        const response = await client(t, place, 'always').generate({ prompt }, context)
        t.assert.equal(response.images.length, 1)
        t.assert.ok(stages.includes('partial'), stages.join())
        t.assert.ok((response.usage.tokensOut ?? 0) > 0)
      })
    }

    for (const argument of samples.filter(({ isAccepted }) => isAccepted(model))) {
      test(`accepts ${argument.name}`, async (t: TestContext) => {
        const place = await far(t)
        const images = client(t, place)
        const count = argument.name === 'n' ? 2 : 1
        const request = { prompt, ...argument.request(model) }
        const response = await images.generate(request, callContext({ deadlineAt: performance.now() + 300_000 }))
        t.assert.equal(response.images.length, count)
        if (place.simulator === undefined) return
        t.assert.deepEqual(lastFields(place.simulator)[argument.field], argument.value(model))
      })
    }
  })
}

const routeFields: Readonly<Record<DialectName, readonly string[]>> = {
  deployments: [],
  v1: ['model'],
  bfl: ['model'],
  mai: ['model'],
}

for (const model of modelTable) {
  for (const dialect of model.dialects) {
    // FLUX.1 on the deployment route accepts only a prompt and a size; tested below.
    if (dialect === 'deployments' && model.providerPath !== undefined) continue
    suite(`${model.id} on ${dialect}`, model, (t) => simulated(t, model, dialect))
    test(`${model.id} on ${dialect}: \`model\` is in the body only if the route requires it`, async (t: TestContext) => {
      const place = await simulated(t, model, dialect)
      await client(t, place).generate({ prompt }, callContext())
      const fields = Object.keys(lastFields(place.simulator))
      t.assert.deepEqual(
        fields.filter((field) => field === 'model'),
        routeFields[dialect],
      )
    })
  }
}

for (const id of ['FLUX.1-Kontext-pro', 'FLUX-1.1-pro']) {
  test(`${id} on deployments: sends prompt, n and size only`, async (t: TestContext) => {
    const { simulator, url } = await startSimulator(t)
    const credential = keyCredential('simulated-key')
    const deployment = deploymentOf(url, id, { dialect: 'deployments', credential })
    const images = clientOf(t, [deployment], { maxResponseBytes: 100_000_000 })
    await images.generate({ prompt, size: { width: 1024, height: 1024 }, seed: 3, output_format: 'png' }, callContext())
    t.assert.deepEqual(Object.keys(lastFields(simulator)).sort(), ['n', 'prompt', 'size'])
  })
}

const { AZURE_CONTRACT_BASE_URL: baseUrl, AZURE_CONTRACT_API_KEY: key, AZURE_CONTRACT_MODEL: id = '' } = process.env
const real = modelTable.find((model) => model.id.toLowerCase() === id.toLowerCase())
if (baseUrl !== undefined && key !== undefined && real !== undefined) {
  const deployment = deploymentOf(baseUrl, real.id, {
    credential: keyCredential(key),
    deployment: process.env.AZURE_CONTRACT_DEPLOYMENT ?? real.id,
  })
  suite(`${real.id} on Azure itself`, real, async () => ({ deployment }))
}
