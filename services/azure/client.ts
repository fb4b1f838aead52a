import type { Operation } from '../../schemas/models.ts'
import { type Base64Image, disposeAll } from '../bytes/base64-image.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { reasonOf } from '../errors/reason.ts'
import type { Size } from '../imaging/types.ts'
import type { HttpClientOptions } from '../net/http-client.ts'
import { adaptRequest } from '../parameters/adapt.ts'
import { allowedArguments } from '../parameters/arguments.ts'
import type { SpanFacts } from '../telemetry/trace.ts'
import { generatedLine } from './client-lines.ts'
import { createDeployment, type Deployment, type DeploymentOptions, isEdit } from './deployment.ts'
import type { Dialect } from './dialects/dialect.ts'
import { type AzureEvents, noEvents } from './events.ts'
import { type HttpResponse, sendRequest } from './exchange.ts'
import { createImageDownload } from './image-download.ts'
import { mostPixels, priceOf, qualityOf } from './price.ts'
import { isOfPool, runCall, type UnusableRoutes } from './retry.ts'
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
  Usage,
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

/** Deployments that may serve a request, each with the request as its model can serve it; the requested one first. */
type Candidates<R> = readonly [[Deployment, R], ...[Deployment, R][]]

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

  function deploymentNamed(name: string | undefined): Deployment {
    return byName.get(name ?? defaultDeployment.deployment.name) ?? defaultDeployment
  }

  const poolOf = (deployment: Deployment) => deployments.filter((other) => isOfPool(other, deployment))

  function waitMs(name: string | undefined, caller: string | undefined): number {
    const pool = poolOf(deploymentNamed(name))
    const open = pool.filter(({ breaker }) => !breaker.isOpen)
    return Math.min(...(open.length > 0 ? open : pool).map(({ limiter }) => limiter.estimateMs(caller)))
  }

  /** The requested deployment, the others of its pool, and its fallbacks. */
  function candidatesFor<R extends ImageRequest>(operation: Operation, request: R): Candidates<R> {
    const requested = deploymentNamed(request.deployment)
    const fallbacks = requested.options.fallbacks.flatMap((name) => byName.get(name) ?? [])
    const others = new Map<Deployment, R>()
    for (const other of new Set([...poolOf(requested), ...fallbacks])) {
      const fitting = adaptRequest(request, operation, other.deployment.capabilities)
      if (other !== requested && fitting !== undefined) others.set(other, fitting)
    }
    return [[requested, request], ...others]
  }

  async function run<R extends ImageRequest | EditRequest>(
    operation: Operation,
    request: R,
    context: CallContext,
  ): Promise<ImageResult> {
    const candidates = candidatesFor(operation, request)
    const [[requested], ...others] = candidates
    const requests = new Map(candidates)
    let producer = requested
    let sentAt = 0
    const response = await runCall(
      [requested, ...others.map(([deployment]) => deployment)],
      unusableRoutes(operation, requests),
      (deployment, route) => {
        producer = deployment
        sentAt = performance.now()
        const own = fitTo(deployment, requests.get(deployment) ?? request, operation, route)
        const target = deployment.target(route)
        const isStreamed = shouldStream(streaming, target.model, own)
        const http = isEdit(own) ? route.edit(own, target, isStreamed) : route.generate(own, target, isStreamed)
        return sendRequest(sendOptions, deployment, route, http, context)
      },
      context,
      options.maxQueueMs,
      ({ deployment }, waitedMs) =>
        events.waited?.({ deployment: deployment.name, waitedMs, traceId: context.trace?.sampledId }),
    )
    const result = await finish(operation, response, producer, request.n ?? 1, context)
    producer.status.succeeded(performance.now() - sentAt)
    return { ...result, isFallback: !isOfPool(producer, requested) }
  }

  /** From here on the images are paid for, so nothing is sent again. */
  async function finish(
    operation: Operation,
    response: HttpResponse,
    producer: Deployment,
    count: number,
    context: CallContext,
  ): Promise<Omit<ImageResult, 'isFallback'>> {
    const { name, model, capabilities } = producer.deployment
    const { images, usage, missing } = await collect(response, count, context).catch((error: unknown) => {
      throw endFailed(error, response, producer)
    })
    const costUsd = costOf(capabilities.price, { operation, images: images.length, usage })
    response.span.add(resultFacts(images.length, usage, costUsd))
    response.end('ok')
    const facts = { operation, deployment: name, model, count: images.length, usage, costUsd }
    events.imagesGenerated(facts)
    context.log.info({ caller: context.caller?.id, ...facts, azureRequestId: response.requestId }, 'images generated')
    context.tell?.(generatedLine(name, model, images.length))
    const producedBy = { deployment: name, model }
    const azureRequestId = response.requestId
    return { images, producedBy, usage, missing, azureRequestId, ...(costUsd === undefined ? {} : { costUsd }) }
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
    waitMs,
    expectMs(name, ahead) {
      const { limiter, status } = deploymentNamed(name)
      return waitMs(name, undefined) + ahead * limiter.spacingMs + status.typicalMs
    },
    quote(operation, request, caller, { images, hasMask } = { images: [], hasMask: false }) {
      const asked = operation === 'edit' ? { ...request, images, mask: hasMask ? true : undefined } : request
      const candidates = candidatesFor(operation, asked)
      const [[{ deployment }]] = candidates
      const prices = candidates.map(([{ deployment: info }, own]) => {
        const isStreamed = shouldStream(streaming, info.capabilities, own)
        return priceOf(info.capabilities, { operation, request: own, images, hasMask, isStreamed })
      })
      const { name, model, capabilities } = deployment
      const quality = qualityOf(capabilities, request)
      return {
        deployment: name,
        model,
        ...(request.size === undefined ? {} : { size: pick(request.size) }),
        maxPixels: mostPixels(capabilities, { operation, request, images }),
        ...(quality === undefined ? {} : { quality }),
        count: request.n ?? 1,
        listUsd: prices[0]?.listUsd,
        maxUsd: highestOf(prices.map(({ maxUsd }) => maxUsd)),
        waitMs: waitMs(name, caller),
      }
    },
    generate: (request, context) => run('generate', request, context),
    edit: (request, context) => run('edit', request, context),
    get canConnect() {
      return transport.isUsable
    },
    async close() {
      for (const { limiter } of deployments) limiter.close()
      await Promise.all([transport.close(), download.close()])
    },
  }
}

function resultFacts(count: number, usage: Usage, costUsd: number | undefined): SpanFacts {
  const { textTokensIn, imageTokensIn, tokensOut } = usage
  return {
    'image_mcp.images': count,
    ...(costUsd === undefined ? {} : { 'image_mcp.cost_usd': costUsd }),
    ...(textTokensIn === undefined ? {} : { 'gen_ai.usage.input_tokens': textTokensIn + (imageTokensIn ?? 0) }),
    ...(tokensOut === undefined ? {} : { 'gen_ai.usage.output_tokens': tokensOut }),
  }
}

const pick = ({ width, height }: Size): Size => ({ width, height })

/** Undefined if one of them is unknown. */
function highestOf(prices: readonly (number | undefined)[]): number | undefined {
  const known = prices.filter((price) => price !== undefined)
  return known.length === prices.length ? Math.max(...known) : undefined
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
  const { lastSuccess, lastFailure, failing } = status
  return { name: deployment.name, lastSuccess, lastFailure, failing, isBlocked: breaker.isOpen, ...limiter.status() }
}
