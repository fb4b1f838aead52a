import { ServiceError, serviceError } from '../errors.ts'
import type { EncodedImage } from '../images/encoded-image.ts'
import { type AnswerPart, BodyCollector, ErrorBodyCollector, heldImage, readAnswer } from './answer.ts'
import { azureError } from './azure-error.ts'
import { deploymentsDialect } from './dialects/deployments.ts'
import { type AzureEvents, type StatusClass, silentEvents } from './events.ts'
import { createImageDownload } from './image-download.ts'
import type { CallContext, ImageAnswer, ImageRequest, ImagesClient } from './images-client.ts'
import { deploymentCard } from './model.ts'
import { type Answer, createTransport, ExchangeError, type TransportOptions } from './transport.ts'
import type { WireRequest } from './wire-request.ts'

export interface ImagesClientOptions extends TransportOptions {
  /** May carry a path and a trailing slash. */
  baseUrl: string
  apiKey: string
  deployment: string
  model: string
  apiVersion: string
  /** Bytes of one answer, all its pictures in base64 together. */
  maxAnswerBytes: number
  /** Hosts that links in answers may point to, see `ImageDownloadOptions`. */
  imageHosts: readonly string[]
  isAddressAllowed?: (address: string) => boolean
  events?: AzureEvents
}

type Collector = BodyCollector | ErrorBodyCollector

/** The client for one deployment of an Azure resource. */
export function createImagesClient(options: ImagesClientOptions): ImagesClient {
  const { baseUrl, deployment, apiVersion, apiKey, maxAnswerBytes } = options
  const events = options.events ?? silentEvents
  const transport = createTransport(options)
  const download = createImageDownload({ ...options, allowedHosts: options.imageHosts, maxBytes: maxAnswerBytes })
  const target = { baseUrl, deployment, apiVersion }

  const openSink = (status: number): Collector =>
    status === 200 ? new BodyCollector(maxAnswerBytes) : new ErrorBodyCollector()

  async function exchange(wire: WireRequest, context: CallContext): Promise<Answer<Collector>> {
    const { operation, url, headers } = wire
    const startedAt = performance.now()
    const body = wire.body()
    events.requestStarted({ operation, deployment })
    let statusClass: StatusClass = 'lost'
    try {
      const answer = await transport.post({
        url,
        headers: { ...headers, 'api-key': apiKey },
        body,
        signal: context.signal,
        deadlineAt: context.deadlineAt,
        onSent: () => context.onStage?.('sent'),
        open(status) {
          context.onStage?.('receiving')
          return openSink(status)
        },
      })
      statusClass = classOf(answer.status)
      return answer
    } catch (error) {
      statusClass = faultClass(error)
      throw error
    } finally {
      const durationMs = performance.now() - startedAt
      events.requestEnded({ operation, deployment, statusClass, durationMs, sentBytes: body.length })
    }
  }

  async function resolvePart(part: AnswerPart, deadlineAt: number): Promise<EncodedImage> {
    return 'image' in part ? part.image : heldImage((await download.get(part.url, deadlineAt)).toString('base64'))
  }

  async function run(wire: WireRequest, request: ImageRequest, context: CallContext): Promise<ImageAnswer> {
    const answer = await exchange(wire, context).catch((error: unknown) => {
      throw exchangeError(error)
    })
    const body = answer.sink.body()
    if (answer.status !== 200) {
      throw azureError(answer.status, answer.headers, body, { deployment, secrets: [apiKey, request.prompt] })
    }
    const [first, ...rest] = readAnswer(body)
    return {
      images: [
        await resolvePart(first, context.deadlineAt),
        ...(await Promise.all(rest.map((part) => resolvePart(part, context.deadlineAt)))),
      ],
    }
  }

  return {
    deployment: deploymentCard(deployment, options.model),
    generate: (request, context) => run(deploymentsDialect.generate(request, target), request, context),
    edit: (request, context) => run(deploymentsDialect.edit(request, target), request, context),
    async close() {
      await Promise.all([transport.close(), download.close()])
    },
  }
}

/** An exchange without a whole answer, as a row of the table. */
function exchangeError(error: unknown): unknown {
  if (!(error instanceof ExchangeError)) return error
  if (error.cause instanceof ServiceError) return error.cause
  const options = { cause: error }
  switch (error.fault) {
    case 'cancelled':
      return serviceError('IMG_ERR_CANCELLED', [], options)
    case 'connect':
      return serviceError('IMG_ERR_AZURE_UNREACHABLE', [], options)
    case 'tls':
      return serviceError('IMG_ERR_AZURE_TLS', [], options)
    case 'timeout':
      return serviceError(
        error.stage === 'connecting' ? 'IMG_ERR_AZURE_NOT_SENT' : 'IMG_ERR_AZURE_TIMEOUT',
        [],
        options,
      )
    case 'lost':
    case 'sink':
      return serviceError('IMG_ERR_AZURE_LOST', [], options)
    default:
      return error.fault satisfies never
  }
}

function classOf(status: number): StatusClass {
  if (status < 300) return '2xx'
  if (status < 400) return '3xx'
  if (status === 429) return '429'
  return status < 500 ? '4xx' : '5xx'
}

function faultClass(error: unknown): StatusClass {
  if (!(error instanceof ExchangeError)) return 'lost'
  switch (error.fault) {
    case 'connect':
    case 'tls':
      return 'connect_error'
    case 'timeout':
    case 'cancelled':
      return error.fault
    default:
      return 'lost'
  }
}
