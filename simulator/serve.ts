import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { gatewayTimeout, rateLimited, wrongOperation } from './azure-error.ts'
import { rejectionOf } from './content-filter.ts'
import type { Deployment, Deployments } from './deployments.ts'
import type { Route } from './dialects.ts'
import { drawJob } from './drawing.ts'
import { sendStream, streamEvents } from './event-stream.ts'
import { type FaultDetails, type FaultSource, faultInPrompt } from './fault.ts'
import type { Job } from './job.ts'
import { type Payload, readPayload } from './payload.ts'
import { recordPayload, type SeenRequest } from './record.ts'
import { encodeResponse, responseBody, sendResponse } from './response.ts'

/** Idle time-outs of Azure's gateway in milliseconds, observed with gpt-image-2. */
export interface Limits {
  /** Calls that do not stream. */
  silentCallMs: number
  /** Streams without partial images. */
  silentStreamMs: number
}

export interface Stage {
  deployments: Deployments
  faults: FaultSource
  promptFaults: boolean
  /** Images of `url` responses by their path. */
  images: Map<string, Buffer>
  limits: Limits
  /** Whether records of requests have the images themselves. */
  keepFiles: boolean
  /** No image is generated before it resolves. */
  held: Promise<void>
  /** Aborted when the simulator closes, so that no delay holds it up. */
  stopping: AbortSignal
}

export interface Call {
  route: Route
  request: FastifyRequest<{ Params: Record<string, string> }>
  reply: FastifyReply
  entry: SeenRequest
  /** A fault for any deployment, taken from the queue before the body is read. */
  fault: FaultDetails | 'none' | undefined
}

const storedImages = 20
const longest = 2 ** 31 - 1

/** Serves an authenticated call in Azure's order: rate limit, fault, validation, drawing, response. */
export async function serve(stage: Stage, call: Call): Promise<FastifyReply> {
  const { route, request, reply, entry } = call
  const payload = await readPayload(request, route.wants)
  await recordPayload(entry, payload, stage.keepFiles)
  const deployment = route.deploymentOf(request.params, payload, stage.deployments)
  entry.deployment = deployment.name
  entry.model = deployment.model.id
  countCall(deployment, reply)
  const fault = chooseFault(stage, call, deployment, payload)
  if (fault !== undefined) entry.fault = fault.name
  const rejection = fault && rejectionOf(fault, deployment.model)
  if (rejection !== undefined) throw rejection
  const operation = route.operationOf(payload)
  if (!deployment.dialects.includes(route.dialect) || !deployment.model.operations.includes(operation)) {
    throw wrongOperation(operation, deployment.model.id)
  }
  const job = await route.read(deployment.model, operation, payload)
  if (fault?.name === 'reset') return cutConnection(reply)
  const latencyMs = latencyOf(deployment, fault)
  await endure(stage, deployment, job, latencyMs)
  await stage.held
  const images = await drawJob(job, fault)
  if (job.partials !== undefined) {
    const events = await streamEvents(job, images, fault)
    return sendStream(reply, events, showsProgress(job) ? latencyMs : 0, fault, stage.stopping)
  }
  const body = await responseBody(deployment.model, route.dialect, job, images, fault, linkTo(stage, request, fault))
  return sendResponse(reply, encodeResponse(body, fault), fault, stage.stopping)
}

function latencyOf({ latencyMs }: Deployment, fault: FaultDetails | undefined): number {
  if (fault?.name === 'silent') return longest
  return fault?.name === 'slow' ? latencyMs + (fault.ms ?? 3000) : latencyMs
}

// Partial images reset the idle time-out of a stream.
const showsProgress = ({ partials }: Job): boolean => partials !== undefined && partials > 0

/**
 * Waits for the latency of the image, or fails with the gateway's idle time-out.
 * @throws {AzureError} 408
 */
async function endure({ stopping, limits }: Stage, { model }: Deployment, job: Job, latencyMs: number): Promise<void> {
  if (showsProgress(job)) return
  const silentMs = job.partials === undefined ? limits.silentCallMs : limits.silentStreamMs
  const limitMs = model.family === 'gpt-image' && latencyMs < longest ? silentMs : longest
  await wait(Math.min(latencyMs, limitMs), undefined, { signal: stopping })
  if (latencyMs > limitMs) throw gatewayTimeout()
}

/** Stores an image and returns its URL. */
const linkTo =
  ({ images }: Stage, request: FastifyRequest<{ Params: Record<string, string> }>, fault: FaultDetails | undefined) =>
  (image: Buffer): string => {
    const id = `${randomUUID()}.${image[0] === 0x89 ? 'png' : 'jpg'}`
    images.set(id, image)
    for (const old of [...images.keys()].slice(0, -storedImages)) images.delete(old)
    return `${fault?.base ?? `${request.protocol}://${request.host}`}/images/${id}`
  }

/** Resets the connection. */
export function cutConnection(reply: FastifyReply): FastifyReply {
  reply.hijack()
  reply.raw.socket?.resetAndDestroy()
  return reply
}

function chooseFault(stage: Stage, call: Call, deployment: Deployment, { fields }: Payload): FaultDetails | undefined {
  const named = stage.promptFaults && typeof fields.prompt === 'string' ? faultInPrompt(fields.prompt) : undefined
  const fault = call.fault ?? stage.faults.take(deployment.name) ?? named
  return fault === 'none' ? undefined : fault
}

/** @throws {AzureError} 429 if the deployment's rate limit is exceeded */
function countCall({ throttle }: Deployment, reply: FastifyReply): void {
  const { waitMs, remaining, resetMs } = throttle.pass()
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  reply.headers({
    'x-ratelimit-limit-requests': String(throttle.rpm),
    'x-ratelimit-remaining-requests': String(remaining),
    'x-ratelimit-reset-requests': String(Math.ceil(resetMs / 1000)),
  })
  if (waitMs > 0)
    throw rateLimited({ 'retry-after': String(seconds), 'retry-after-ms': String(Math.ceil(waitMs)) }, seconds)
}
