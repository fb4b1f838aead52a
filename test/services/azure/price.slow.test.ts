import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { keyCredential } from '../../../services/azure/credential.ts'
import { modelTable } from '../../../services/azure/models/table.ts'
import { priceOf } from '../../../services/azure/price.ts'
import type { ImageRequest, ImagesClient } from '../../../services/azure/types.ts'
import type { InputImage, Size } from '../../../services/imaging/types.ts'
import { fitSize } from '../../../services/parameters/size-fitting.ts'
import { callContext, clientOf, deploymentOf } from '../../support/fake-azure.ts'
import { startSimulator } from '../../support/simulator.ts'

/** Texts and sizes are estimated in whole tokens. */
const ROUNDING_USD = 0.0002

const prompt = 'A red boat on a calm lake'
/** Qualities of which the number of tokens is not published. */
const unpublished = ['xhigh', 'max']

async function image({ width, height }: Size): Promise<InputImage> {
  const bytes = await sharp({ create: { width, height, channels: 3, background: 'teal' } })
    .png()
    .toBuffer()
  return { bytes, mimeType: 'image/png', width, height }
}

async function simulated(t: TestContext, model: string): Promise<ImagesClient> {
  const { url } = await startSimulator(t)
  const deployment = deploymentOf(url, model, { credential: keyCredential('simulated-key') })
  return clientOf(t, [deployment], { maxResponseBytes: 200_000_000, streaming: 'auto' })
}

const inTime = () => callContext({ deadlineAt: performance.now() + 60_000 })

function checkCost(t: TestContext, images: ImagesClient, quoted: ReturnType<ImagesClient['quote']>, paid?: number) {
  const { listUsd = -1, maxUsd = -1 } = quoted
  const about = `${images.deployment.model}: quoted ${listUsd}, at most ${maxUsd}, paid ${paid}`
  t.assert.ok(Math.abs(listUsd - (paid ?? Number.NaN)) <= ROUNDING_USD, about)
  t.assert.ok((paid ?? Number.NaN) <= maxUsd, about)
}

describe('the price that is named before a call', () => {
  for (const model of modelTable.filter(({ price }) => price !== undefined)) {
    const { id, qualities, generateSize, editSize, maxCount, maxImages } = model

    test(`${id} generates for it`, { timeout: 600_000 }, async (t: TestContext) => {
      const images = await simulated(t, id)
      const sizes = [
        { width: 1024, height: 1024 },
        { width: 1600, height: 800 },
      ].map((target) => fitSize(generateSize, target))
      const known = [undefined, ...qualities.filter((quality) => !unpublished.includes(quality))]
      const requests: ImageRequest[] = [
        ...known.map((quality) => ({ prompt, size: sizes[0], quality })),
        { prompt, size: sizes[1], n: maxCount > 1 ? 2 : undefined },
      ]
      for (const request of requests) {
        const { costUsd } = await images.generate(request, inTime())
        checkCost(t, images, images.quote('generate', request, 'ann'), costUsd)
      }
    })

    if (!model.operations.includes('edit')) continue
    test(`${id} edits for it`, { timeout: 600_000 }, async (t: TestContext) => {
      const images = await simulated(t, id)
      const first = { width: 1024, height: 1024 }
      const inputs = [first, { width: 400, height: 1500 }, { width: 2100, height: 1400 }].slice(0, maxImages)
      const [original, ...references] = await Promise.all(inputs.map(image))
      if (original === undefined) throw new Error('no image')
      const size = editSize.kind === 'none' ? undefined : fitSize(editSize, first)
      const request = { prompt, size, input_fidelity: model.inputFidelities.at(-1) }
      const { costUsd } = await images.edit({ ...request, images: [original, ...references] }, inTime())
      checkCost(t, images, images.quote('edit', request, 'ann', { images: inputs, hasMask: false }), costUsd)
    })
  }

  test('is unknown where what Azure counts or charges is not published', (t: TestContext) => {
    const named = (id: string, request: Partial<ImageRequest>) => {
      const model = modelTable.find((row) => row.id === id)
      if (model === undefined) throw new Error(id)
      const size = { width: 1024, height: 1024 }
      const facts = { operation: 'generate' as const, images: [], hasMask: false, isStreamed: false }
      return priceOf(model, { ...facts, request: { prompt, size, ...request } })
    }
    const unknown = { listUsd: undefined, maxUsd: undefined }
    t.assert.deepEqual(named('gpt-image-2.5-flare', { quality: 'max' }), unknown)
    t.assert.deepEqual(named('MAI-Image-2.6', { web_grounding: true }), unknown)
    t.assert.deepEqual(named('MAI-Image-2.7-Flash', {}), unknown)
    t.assert.notEqual(named('gpt-image-2.5-flare', { quality: 'high' }).maxUsd, undefined)
  })

  test('is the highest of all deployments that may serve the call, and unknown if one of them is', async (t: TestContext) => {
    const { url } = await startSimulator(t)
    const credential = keyCredential('simulated-key')
    const own = (model: string, fallbacks: string[] = []) => deploymentOf(url, model, { credential, fallbacks })
    const quoted = (...models: string[]) => {
      const [first = '', ...others] = models
      const client = clientOf(t, [own(first, others), ...others.map((each) => own(each))], {})
      return client.quote('generate', { prompt, size: { width: 1024, height: 1024 } }, 'ann')
    }
    const cheap = quoted('FLUX.1-Kontext-pro')
    const dear = quoted('FLUX.1-Kontext-pro', 'MAI-Image-2.5-Pro')
    t.assert.equal(cheap.maxUsd, 0.04)
    t.assert.equal(dear.listUsd, 0.04)
    t.assert.ok((dear.maxUsd ?? 0) > 0.1)
    t.assert.equal(quoted('FLUX.1-Kontext-pro', 'MAI-Image-2.7-Flash').maxUsd, undefined)
  })
})
