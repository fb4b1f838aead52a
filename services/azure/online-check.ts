import { type Dispatcher, request } from 'undici'
import { ServiceError } from '../errors/errors.ts'
import { reasonIn } from '../errors/reason.ts'
import { createHttpClient, type HttpClientOptions } from '../net/http-client.ts'
import { azureError } from './azure-error.ts'
import { createDeployment, type Deployment, type DeploymentOptions } from './deployment.ts'
import type { Dialect } from './dialects/dialect.ts'
import { type AzureFault, ErrorBodyCollector, parseFault } from './error-body.ts'
import type { RequestCode } from './events.ts'
import { withinCall } from './within-call.ts'

/** What asking Azure about a deployment showed. */
export interface OnlineCheck {
  deployment: string
  state: 'ok' | 'not checked' | 'failed'
  /** A sentence for the operator, without secrets. */
  sentence: string
}

interface Asked {
  status: number
  /** Any other program at the address may respond with 2xx too, but not with JSON. */
  isJson: boolean
  fault: AzureFault
  /** `undefined` for 2xx. */
  failure: ServiceError | undefined
}

/** Milliseconds for everything that is asked about one deployment. */
const TIMEOUT_MS = 15_000

/**
 * Asks Azure about each deployment by documented GET requests only, which generate and cost nothing: whether the credential
 * is accepted, and whether the deployment exists where Azure tells.
 */
export async function checkOnline(
  deployments: readonly Omit<DeploymentOptions, 'maxWaiting' | 'blockMs'>[],
  options: HttpClientOptions,
  timeoutMs = TIMEOUT_MS,
): Promise<OnlineCheck[]> {
  const connections = createHttpClient(options)
  try {
    const dispatcher = await connections.get()
    return await Promise.all(
      deployments.map((each) =>
        checkDeployment(createDeployment({ ...each, maxWaiting: 0, blockMs: 0 }), dispatcher, timeoutMs),
      ),
    )
  } finally {
    await connections.close()
  }
}

async function checkDeployment(
  deployment: Deployment,
  dispatcher: Dispatcher,
  timeoutMs: number,
): Promise<OnlineCheck> {
  const { name } = deployment.deployment
  const route = deployment.routes().find(({ lookups }) => lookups !== undefined)
  if (route?.lookups === undefined) {
    return { deployment: name, state: 'not checked', sentence: 'Azure documents no request for it that is free' }
  }
  const target = deployment.target(route)
  const limits = { signal: AbortSignal.timeout(timeoutMs), deadlineAt: performance.now() + timeoutMs }
  const ask = (url: URL) => askAzure(url, route, deployment, dispatcher, limits)
  try {
    const models = await ask(route.lookups.models(target))
    if (models.failure !== undefined || !models.isJson) {
      return { deployment: name, state: 'failed', sentence: describeRejection(models, deployment.host) }
    }
    const { isJson, fault, failure } = await ask(route.lookups.deployment(target))
    if (failure?.code === 'IMG_ERR_AZURE_DEPLOYMENT' && fault.codes.includes('deploymentnotfound')) {
      return { deployment: name, state: 'failed', sentence: describe(failure) }
    }
    const exists =
      failure === undefined && isJson ? 'the deployment exists' : 'Azure does not tell whether the deployment exists'
    return { deployment: name, state: 'ok', sentence: `Azure accepts the credential; ${exists}` }
  } catch (error) {
    return { deployment: name, state: 'failed', sentence: describeUnreachable(error, deployment.host) }
  }
}

async function askAzure(
  url: URL,
  route: Dialect,
  { options }: Deployment,
  dispatcher: Dispatcher,
  limits: { signal: AbortSignal; deadlineAt: number },
): Promise<Asked> {
  const { credential, deployment } = options
  const headers = await withinCall(credential.headers(options.scope ?? route.scope), limits)
  const response = await request(url, { dispatcher, headers, signal: limits.signal })
  const collector = new ErrorBodyCollector()
  for await (const chunk of response.body) collector.write(chunk)
  const fault = parseFault(collector.body())
  const secrets = [...credential.secrets(), ...Object.values(headers)]
  const isSuccess = response.statusCode >= 200 && response.statusCode < 300
  const context = { operation: 'generate', deployment, secrets } as const
  const failure = isSuccess ? undefined : azureError(response.statusCode, response.headers, fault, context)
  const isJson = /\bjson\b/i.test(String(response.headers['content-type']))
  return { status: response.statusCode, isJson, fault, failure }
}

/** The sentences of the other codes speak of prompts, images and bills, and nothing of that was sent. */
const honestCodes: ReadonlySet<string> = new Set([
  'IMG_ERR_AZURE_CREDENTIAL',
  'IMG_ERR_AZURE_FORBIDDEN',
  'IMG_ERR_AZURE_KEY_DISABLED',
  'IMG_ERR_AZURE_ACCOUNT_BLOCKED',
  'IMG_ERR_AZURE_SPENDING_LIMIT',
  'IMG_ERR_AZURE_DEPLOYMENT',
  'IMG_ERR_AZURE_NOT_FOUND',
  'IMG_ERR_AZURE_API_VERSION',
  'IMG_ERR_AZURE_RETIRED',
  'IMG_ERR_AZURE_REDIRECT',
  'IMG_ERR_AZURE_RATE_LIMIT',
  'IMG_ERR_AZURE_CAPACITY',
  'IMG_ERR_AZURE_FAILED',
  'IMG_ERR_AZURE_UNAVAILABLE',
] satisfies RequestCode[])

function describeRejection({ status, failure }: Asked, host: string): string {
  if (failure !== undefined && honestCodes.has(failure.code)) return describe(failure)
  return `${host} does not respond as Azure does (status ${status}); check AZURE_BASE_URL, the proxy and gateways on the way`
}

function describe({ code, message, detail }: ServiceError): string {
  return `${message} (${code}${detail?.azureStatus === undefined ? '' : `, status ${detail.azureStatus}`})`
}

function describeUnreachable(error: unknown, host: string): string {
  if (error instanceof ServiceError && error.code !== 'IMG_ERR_AZURE_NOT_SENT') return describe(error)
  const isTimeout = error instanceof ServiceError || (error instanceof Error && error.name === 'TimeoutError')
  const reason = isTimeout ? 'timeout' : (reasonIn(error) ?? 'no connection')
  return `Azure cannot be reached at ${host} (${reason})`
}
