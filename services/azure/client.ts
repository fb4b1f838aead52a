import { type Base64Image, bufferImage } from '../bytes/base64-image.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { serviceError } from '../errors/errors.ts'
import { sniffFacts } from '../imaging/image-probe.ts'
import type { HttpClientOptions } from '../net/http-client.ts'
import { adaptRequest, createDeployment, type Deployment, type DeploymentOptions, isEdit } from './deployment.ts'
import { type AzureEvents, silentEvents } from './events.ts'
import { type HttpResponse, sendRequest } from './exchange.ts'
import { createImageDownload } from './image-download.ts'
import type { ResponseReading } from './image-response.ts'
import { runCall } from './retry.ts'
import { type StreamingChoice, wantsStream } from './streaming.ts'
import { createTransport } from './transport.ts'
import type { CallContext, EditRequest, ImageRequest, ImageResult, ImagesClient, Operation } from './types.ts'
import { costOf } from './usage.ts'

export interface ImagesClientOptions extends HttpClientOptions {
  /** The default deployment first; never empty. */
  deployments: readonly [DeploymentOptions, ...DeploymentOptions[]]
  /** Bytes of one response, all its images in base64 together. */
  maxResponseBytes: number
  /** Where answers wait until they are sent on. */
  buffered: BufferSpool
  /** When gpt-image draws in an event stream: `auto` only where a call may outlast Azure's silence limits. */
  streaming: StreamingChoice
  /** Hosts that links in answers may point to, see `ImageDownloadOptions`. */
  imageHosts: readonly string[]
  isAddressAllowed?: (address: string) => boolean
  events?: AzureEvents
}

/** The client for one or more deployments. */
export function createImagesClient(options: ImagesClientOptions): ImagesClient {
  const { maxResponseBytes, buffered, streaming } = options
  const events = options.events ?? silentEvents
  const transport = createTransport(options)
  const download = createImageDownload({ ...options, allowedHosts: options.imageHosts, maxBytes: maxResponseBytes })
  const [first, ...others] = options.deployments
  const defaultDeployment = createDeployment(first)
  const deployments = [defaultDeployment, ...others.map(createDeployment)]
  const byName = new Map(deployments.map((deployment) => [deployment.deployment.name, deployment]))

  async function run<R extends ImageRequest | EditRequest>(
    operation: Operation,
    request: R,
    context: CallContext,
  ): Promise<ImageResult> {
    const asked = byName.get(request.deployment ?? defaultDeployment.deployment.name) ?? defaultDeployment
    const requests = new Map<Deployment, R>([[asked, request]])
    for (const name of asked.options.fallbacks) {
      const fallback = byName.get(name)
      const adapted = fallback && adaptRequest(operation, request, fallback.deployment)
      if (fallback !== undefined && adapted !== undefined) requests.set(fallback, adapted)
    }
    const candidates: [Deployment, ...Deployment[]] = [
      asked,
      ...[...requests.keys()].filter((other) => other !== asked),
    ]
    const { response, maker } = await runCall(
      candidates,
      async (deployment, route) => {
        const adapted = requests.get(deployment) ?? request
        const target = deployment.target(route)
        const streamed = wantsStream(streaming, target.model, adapted)
        const wire = isEdit(adapted) ? route.edit(adapted, target, streamed) : route.generate(adapted, target, streamed)
        const raw = await sendRequest(
          { transport, events, maxResponseBytes, buffered },
          deployment,
          route,
          wire,
          request.prompt,
          context,
        )
        return { response: raw, maker: deployment }
      },
      context,
    )
    return finish(operation, response, maker, request.count ?? 1, context)
  }

  /** From here on the images are paid for; nothing is sent again. */
  async function finish(
    operation: Operation,
    { reading, requestId }: HttpResponse,
    maker: Deployment,
    count: number,
    context: CallContext,
  ) {
    const { name, model, can } = maker.deployment
    const { images, usage } = await collect(reading, count, context)
    const costUsd = costOf(can.price, usage, images.length)
    const facts = { operation, deployment: name, model, count: images.length, usage, costUsd }
    events.imagesMade(facts)
    context.log.info({ ...facts, azureRequestId: requestId }, 'azure made images')
    const producedBy = { deployment: name, model }
    return { images, producedBy, usage, ...(costUsd === undefined ? {} : { costUsd }) } satisfies ImageResult
  }

  /** What can be had of the images; a link that leads nowhere costs the others nothing. */
  async function collect(reading: ResponseReading, maxLinks: number, { deadlineAt, log }: CallContext) {
    const images: Base64Image[] = []
    let failure: unknown
    try {
      const { parts, usage } = await reading.finish()
      let links = 0
      // One link after the other, so that one image at a time lies outside the bound on buffered bytes.
      for (const part of parts) {
        if ('image' in part) images.push(part.image)
        else if (++links <= maxLinks) {
          await follow(part.url, deadlineAt).then(
            (image) => images.push(image),
            (error: unknown) => (failure ??= error),
          )
        }
      }
      const [first, ...more] = images
      if (first === undefined) throw failure ?? serviceError('IMG_ERR_AZURE_DOWNLOAD', [])
      if (failure !== undefined) log.warn({ err: failure, images: images.length }, 'azure links to an image in vain')
      return { images: [first, ...more] satisfies ImageResult['images'], usage }
    } catch (error) {
      await reading.abort()
      await Promise.all(images.map((image) => image.release()))
      throw error
    }
  }

  async function follow(url: string, deadlineAt: number): Promise<Base64Image> {
    const bytes = await download.get(url, deadlineAt)
    const facts = sniffFacts(bytes)
    if (facts === undefined) throw serviceError('IMG_ERR_AZURE_DOWNLOAD', [])
    return await bufferImage(bytes, facts, buffered)
  }

  return {
    deployment: defaultDeployment.deployment,
    deployments: deployments.map(({ deployment }) => deployment),
    generate: (request, context) => run('generate', request, context),
    edit: (request, context) => run('edit', request, context),
    async close() {
      await Promise.all([transport.close(), download.close()])
    },
  }
}
