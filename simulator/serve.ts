import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { answerBody, encodeAnswer, sendAnswer } from './answer.ts'
import { noDeployment, rateLimited, wrongOperation } from './azure-error.ts'
import type { Deployment, Deployments } from './deployments.ts'
import type { Route } from './dialects.ts'
import { drawJob } from './drawing.ts'
import { type FaultDetails, type FaultSource, faultInPrompt } from './fault.ts'
import type { Job } from './job.ts'
import { type Payload, readPayload } from './payload.ts'
import { recordPayload, type SeenRequest } from './record.ts'
import { refusalOf } from './refusal.ts'

export interface Stage {
  deployments: Deployments
  faults: FaultSource
  promptFaults: boolean
  /** Pictures that `url` answers point to. */
  pictures: Map<string, Buffer>
  /** Aborted when the simulator closes: nothing that waits may hold it up. */
  stopping: AbortSignal
}

export interface Call {
  route: Route
  request: FastifyRequest<{ Params: Record<string, string> }>
  reply: FastifyReply
  entry: SeenRequest
  /** Taken at the door. */
  fault: FaultDetails | 'none' | undefined
}

const keptPictures = 20
const longest = 2 ** 31 - 1

/** Answers a call that has passed the door: rate limit, fault, checks, drawing, answer, in Azure's order. */
export async function serve(stage: Stage, call: Call): Promise<FastifyReply> {
  const { route, request, reply, entry } = call
  const payload = await readPayload(request, route.wants)
  await recordPayload(entry, payload)
  const deployment = stage.deployments.find(route.deploymentOf(request.params, payload))
  if (deployment === undefined) throw noDeployment()
  entry.deployment = deployment.name
  entry.model = deployment.model.id
  countCall(deployment, reply)
  const fault = chooseFault(stage, call, deployment, payload)
  if (fault !== undefined) entry.fault = fault.name
  const refusal = fault && refusalOf(fault, deployment.model.id)
  if (refusal !== undefined) throw refusal
  const operation = route.operationOf(payload)
  if (!deployment.dialects.includes(route.dialect) || !deployment.model.operations.includes(operation)) {
    throw wrongOperation(operation, deployment.model.id)
  }
  const job = await route.read(deployment.model, operation, payload)
  if (fault?.name === 'reset') return cutConnection(call)
  const latencyMs =
    fault?.name === 'silent' ? longest : deployment.latencyMs + (fault?.name === 'slow' ? (fault.ms ?? 3000) : 0)
  await wait(latencyMs, undefined, { signal: stage.stopping })
  return answer(stage, call, deployment, job, fault)
}

async function answer(
  stage: Stage,
  { request, reply }: Call,
  { model }: Deployment,
  job: Job,
  fault: FaultDetails | undefined,
): Promise<FastifyReply> {
  const pictures = await drawJob(job, fault)
  const link = (picture: Buffer): string => {
    const id = `${randomUUID()}.${picture[0] === 0x89 ? 'png' : 'jpg'}`
    stage.pictures.set(id, picture)
    for (const old of [...stage.pictures.keys()].slice(0, -keptPictures)) stage.pictures.delete(old)
    return `${fault?.base ?? `${request.protocol}://${request.host}`}/pictures/${id}`
  }
  return sendAnswer(reply, encodeAnswer(answerBody(model, job, pictures, fault, link), fault), fault, stage.stopping)
}

/** Ends the connection with a reset, without a word. */
export function cutConnection({
  request,
  reply,
}: {
  request: Pick<FastifyRequest, 'raw'>
  reply: FastifyReply
}): FastifyReply {
  reply.hijack()
  request.raw.socket.resetAndDestroy()
  return reply
}

function chooseFault(stage: Stage, call: Call, deployment: Deployment, { fields }: Payload): FaultDetails | undefined {
  const named = stage.promptFaults && typeof fields.prompt === 'string' ? faultInPrompt(fields.prompt) : undefined
  const fault = call.fault ?? stage.faults.take(deployment.name) ?? named
  return fault === 'none' ? undefined : fault
}

/** @throws AzureError 429 when the deployment's minute is used up. */
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
