import { serviceError } from '../errors.ts'
import { type EncodedImage, encodeImage } from '../images/encoded-image.ts'
import type { HeldBytes } from '../images/held-bytes.ts'
import { sniffFacts } from '../images/image-probe.ts'
import type { AnswerPart, AnswerReading } from './answer.ts'
import { runCall } from './call.ts'
import { adaptRequest, createDeployment, type Deployment, type DeploymentOptions, isEdit } from './deployment.ts'
import { type AzureEvents, silentEvents } from './events.ts'
import { createImageDownload } from './image-download.ts'
import type { CallContext, EditRequest, ImageAnswer, ImageRequest, ImagesClient, Operation } from './images-client.ts'
import { type RawAnswer, sendRequest } from './send.ts'
import { type StreamingChoice, wantsStream } from './streaming.ts'
import { createTransport, type TransportOptions } from './transport.ts'
import { costOf } from './usage.ts'

export interface ImagesClientOptions extends TransportOptions {
  /** The default deployment first; never empty. */
  deployments: readonly [DeploymentOptions, ...DeploymentOptions[]]
  /** Bytes of one answer, all its pictures in base64 together. */
  maxAnswerBytes: number
  /** Where answers wait until they are sent on. */
  held: HeldBytes
  /** When gpt-image draws in an event stream: `auto` only where a call may outlast Azure's silence limits. */
  streaming: StreamingChoice
  /** Hosts that links in answers may point to, see `ImageDownloadOptions`. */
  imageHosts: readonly string[]
  isAddressAllowed?: (address: string) => boolean
  events?: AzureEvents
}

/** The client for one or more deployments. */
export function createImagesClient(options: ImagesClientOptions): ImagesClient {
  const { maxAnswerBytes, held, streaming } = options
  const events = options.events ?? silentEvents
  const transport = createTransport(options)
  const download = createImageDownload({ ...options, allowedHosts: options.imageHosts, maxBytes: maxAnswerBytes })
  const [first, ...others] = options.deployments
  const defaultDeployment = createDeployment(first)
  const deployments = [defaultDeployment, ...others.map(createDeployment)]
  const byName = new Map(deployments.map((deployment) => [deployment.card.name, deployment]))

  async function run<R extends ImageRequest | EditRequest>(
    operation: Operation,
    request: R,
    context: CallContext,
  ): Promise<ImageAnswer> {
    const asked = byName.get(request.deployment ?? defaultDeployment.card.name) ?? defaultDeployment
    const requests = new Map<Deployment, R>([[asked, request]])
    for (const name of asked.options.fallbacks) {
      const fallback = byName.get(name)
      const adapted = fallback && adaptRequest(operation, request, fallback.card)
      if (fallback !== undefined && adapted !== undefined) requests.set(fallback, adapted)
    }
    const candidates: [Deployment, ...Deployment[]] = [
      asked,
      ...[...requests.keys()].filter((other) => other !== asked),
    ]
    const { answer, maker } = await runCall(
      candidates,
      async (deployment, route) => {
        const adapted = requests.get(deployment) ?? request
        const target = deployment.target(route)
        const streamed = wantsStream(streaming, target.model, adapted)
        const wire = isEdit(adapted) ? route.edit(adapted, target, streamed) : route.generate(adapted, target, streamed)
        const raw = await sendRequest(
          { transport, events, maxAnswerBytes, held },
          deployment,
          route,
          wire,
          request.prompt,
          context,
        )
        return { answer: raw, maker: deployment }
      },
      context,
    )
    return finish(operation, answer, maker, context)
  }

  /** From here on the pictures are paid for; nothing is sent again. */
  async function finish(
    operation: Operation,
    { reading, requestId }: RawAnswer,
    maker: Deployment,
    context: CallContext,
  ) {
    const { name, model, can } = maker.card
    const { images, usage } = await collect(reading, context.deadlineAt)
    const costUsd = costOf(can.price, usage, images.length)
    const facts = { operation, deployment: name, model, count: images.length, usage, costUsd }
    events.imagesMade(facts)
    context.log.info({ ...facts, azureRequestId: requestId }, 'azure made images')
    const madeBy = { deployment: name, model }
    return { images, madeBy, usage, ...(costUsd === undefined ? {} : { costUsd }) } satisfies ImageAnswer
  }

  async function collect(reading: AnswerReading, deadlineAt: number) {
    try {
      const { parts, usage } = await reading.finish()
      const [image, ...more] = parts
      const images: [EncodedImage, ...EncodedImage[]] = [
        await resolvePart(image, deadlineAt),
        ...(await Promise.all(more.map((part) => resolvePart(part, deadlineAt)))),
      ]
      return { images, usage }
    } catch (error) {
      await reading.abort()
      throw error
    }
  }

  async function resolvePart(part: AnswerPart, deadlineAt: number): Promise<EncodedImage> {
    if ('image' in part) return part.image
    const bytes = await download.get(part.url, deadlineAt)
    const facts = sniffFacts(bytes)
    if (facts === undefined) throw serviceError('IMG_ERR_AZURE_DOWNLOAD', [])
    return encodeImage(bytes, facts)
  }

  return {
    deployment: defaultDeployment.card,
    deployments: deployments.map(({ card }) => card),
    generate: (request, context) => run('generate', request, context),
    edit: (request, context) => run('edit', request, context),
    async close() {
      await Promise.all([transport.close(), download.close()])
    },
  }
}
