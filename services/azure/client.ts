import type { Operation } from '../../schemas/models.ts'
import { type Base64Image, disposeAll } from '../bytes/base64-image.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { reasonOf } from '../errors/reason.ts'
import type { HttpClientOptions } from '../net/http-client.ts'
import { adaptRequest } from '../parameters/adapt.ts'
import { allowedArguments } from '../parameters/arguments.ts'
import { createDeployment, type Deployment, type DeploymentOptions, isEdit } from './deployment.ts'
import type { Dialect } from './dialects/dialect.ts'
import { type AzureEvents, noEvents } from './events.ts'
import { type HttpResponse, sendRequest } from './exchange.ts'
import { createImageDownload } from './image-download.ts'
import { runCall, type UnusableRoutes } from './retry.ts'
import { type StreamingChoice, shouldStream } from './streaming.ts'
import { createTransport } from './transport.ts'
import type {
  CallContext,
  DeploymentState,
  EditRequest,
  ImageRequest,
  ImageResult,
  ImagesClient,
  MissingImages,
} from './types.ts'
import { costOf } from './usage.ts'

export interface ImagesClientOptions extends HttpClientOptions {
  /** The default deployment first. */
  deployments: readonly [DeploymentOptions, ...DeploymentOptions[]]
  /** Bytes of one response, all its images in base64 together. */
  maxResponseBytes: number
  /** Buffers the images of responses. */
  spool: BufferSpool
  /** When gpt-image returns an event stream; `auto`: only where a call may outlast Azure's limits on silent connections. */
  streaming: StreamingChoice
  /** Milliseconds that a call may wait for its turn; its deadline by default. */
  maxQueueMs?: number | undefined
  /** Hosts to which links in responses may lead, see `ImageDownloadOptions`. */
  imageHosts: readonly string[]
  isAddressAllowed?: (address: string) => boolean
  events?: AzureEvents
}

/** The routes of each deployment that cannot send every argument of its request. */
function unusableRoutes(operation: Operation, requests: ReadonlyMap<Deployment, ImageRequest>): UnusableRoutes {
  const unusable = new Map<Deployment, Set<Dialect>>()
  for (const [deployment, request] of requests) {
    const routes = deployment.routes().filter((route) => deployment.unsendable(request, operation, route) !== undefined)
    unusable.set(deployment, new Set(routes))
  }
  return unusable
}

/**
 * The request as the route can serve it. While a call waited for its turn, another one may have proven a route that cannot
 * send its arguments.
 * @throws ServiceError IMG_ERR_MODEL_ARGUMENT
 */
function fitTo<R extends ImageRequest | EditRequest>(
  deployment: Deployment,
  request: R,
  operation: Operation,
  route: Dialect,
): R {
  const name = deployment.unsendable(request, operation, route)
  if (name === undefined) return deployment.fit(request, operation, route)
  const { model, capabilities } = deployment.deployment
  throw serviceError('IMG_ERR_MODEL_ARGUMENT', [model, name, allowedArguments(operation, capabilities)])
}

/** The client for one or more deployments. */
export function createImagesClient(options: ImagesClientOptions): ImagesClient {
  const { maxResponseBytes, spool, streaming } = options
  const events = options.events ?? noEvents
  const transport = createTransport(options)
  const sendOptions = { transport, events, maxResponseBytes, spool }
  const download = createImageDownload({ ...options, allowedHosts: options.imageHosts })
  const [first, ...others] = options.deployments
  const defaultDeployment = createDeployment(first)
  const deployments = [defaultDeployment, ...others.map(createDeployment)]
  const byName = new Map(deployments.map((deployment) => [deployment.deployment.name, deployment]))

  async function run<R extends ImageRequest | EditRequest>(
    operation: Operation,
    request: R,
    context: CallContext,
  ): Promise<ImageResult> {
    const requested = byName.get(request.deployment ?? defaultDeployment.deployment.name) ?? defaultDeployment
    const adapted = new Map<Deployment, R>()
    for (const name of requested.options.fallbacks) {
      const fallback = byName.get(name)
      const fitting = fallback && adaptRequest(request, operation, fallback.deployment.capabilities)
      if (fallback !== undefined && fallback !== requested && fitting !== undefined) adapted.set(fallback, fitting)
    }
    let producer = requested
    const response = await runCall(
      [requested, ...adapted.keys()],
      unusableRoutes(operation, new Map([[requested, request], ...adapted])),
      (deployment, route) => {
        producer = deployment
        const own = fitTo(deployment, adapted.get(deployment) ?? request, operation, route)
        const target = deployment.target(route)
        const isStreamed = shouldStream(streaming, target.model, own)
        const http = isEdit(own) ? route.edit(own, target, isStreamed) : route.generate(own, target, isStreamed)
        return sendRequest(sendOptions, deployment, route, http, context)
      },
      context,
      options.maxQueueMs,
      ({ deployment }, waitedMs) => events.waited?.({ deployment: deployment.name, waitedMs }),
    )
    return finish(operation, response, producer, request.n ?? 1, context)
  }

  /** From here on the images are paid for, so nothing is sent again. */
  async function finish(
    operation: Operation,
    response: HttpResponse,
    producer: Deployment,
    count: number,
    context: CallContext,
  ): Promise<ImageResult> {
    const { name, model, capabilities } = producer.deployment
    const { images, usage, missing } = await collect(response, count, context).catch((error: unknown) => {
      throw endFailed(error, response, producer)
    })
    response.end('ok')
    producer.status.succeeded()
    const costUsd = costOf(capabilities.price, { operation, images: images.length, usage })
    const facts = { operation, deployment: name, model, count: images.length, usage, costUsd }
    events.imagesGenerated(facts)
    context.log.info({ caller: context.caller?.id, ...facts, azureRequestId: response.requestId }, 'images generated')
    const producedBy = { deployment: name, model }
    return { images, producedBy, usage, missing, ...(costUsd === undefined ? {} : { costUsd }) }
  }

  /** All images that can be read or downloaded. A broken link fails the call only if there is no other image. */
  async function collect({ reading }: HttpResponse, maxLinks: number, { deadlineAt, log }: CallContext) {
    const images: Base64Image[] = []
    let failure: unknown
    try {
      const { parts, usage, missing } = await reading.finish()
      let links = 0
      for (const part of parts) {
        if ('image' in part) images.push(part.image)
        else if (++links <= maxLinks) {
          // One after the other: together they must not be larger than one response.
          const used = images.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0)
          await download.get(part.url, maxResponseBytes - used, deadlineAt).then(
            (image) => images.push(image),
            (error: unknown) => (failure ??= error),
          )
        }
      }
      const [first, ...more] = images
      if (first === undefined) throw failure ?? serviceError('IMG_ERR_AZURE_DOWNLOAD', [])
      if (failure !== undefined) log.warn({ err: failure, images: images.length }, 'image link download failed')
      const isDownloaded = failure === undefined
      return {
        images: [first, ...more] satisfies ImageResult['images'],
        usage,
        missing: isDownloaded ? missing : ({ cause: 'download' } satisfies MissingImages),
      }
    } catch (error) {
      await reading.abort()
      await disposeAll(images)
      throw error
    }
  }

  return {
    deployment: defaultDeployment.deployment,
    deployments: deployments.map(({ deployment }) => deployment),
    status: () => deployments.map(stateOf),
    generate: (request, context) => run('generate', request, context),
    edit: (request, context) => run('edit', request, context),
    get canConnect() {
      return transport.isUsable
    },
    async close() {
      await Promise.all([transport.close(), download.close()])
    },
  }
}

/** Reports that a response had no image that could be read. @returns the error with what the log needs */
function endFailed(
  error: unknown,
  { end, requestId }: HttpResponse,
  { deployment, host, status }: Deployment,
): unknown {
  if (!(error instanceof ServiceError)) {
    end('other')
    return error
  }
  end(error.code)
  status.failed(error.code)
  return error.withDetail({ deployment: deployment.name, host, reason: reasonOf(error), azureRequestId: requestId })
}

function stateOf({ deployment, breaker, limiter, status }: Deployment): DeploymentState {
  const { lastSuccess, lastFailure, isFailing } = status
  return { name: deployment.name, lastSuccess, lastFailure, isFailing, isBlocked: breaker.isOpen, ...limiter.status() }
}
