import type { DialectName, Model } from '../../../schemas/models.ts'
import type { HttpRequest } from '../http-request.ts'
import type { EditRequest, ImageRequest } from '../types.ts'

/** The destination of a request. */
export interface Target {
  baseUrl: string
  /** Name of the deployment, which may differ from the model's. */
  deployment: string
  model: Model
  /** Not empty in dialects that send one. */
  apiVersion: string
}

/** The requests of one of Azure's image APIs. Responses have the same form in all of them. */
export interface Dialect {
  readonly name: DialectName
  /** The `api-version` if the operator sets none; absent if the route has no versions. */
  readonly defaultApiVersion?: string
  /** https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/configure-entra-id */
  readonly scope: string
  /** Documented GET requests that cost nothing, where there are any. */
  readonly lookups?: Lookups
  /** @param streamed requests server-sent events, which the model must support */
  generate(request: ImageRequest, target: Target, streamed: boolean): HttpRequest
  edit(request: EditRequest, target: Target, streamed: boolean): HttpRequest
}

/** Addresses that tell of a resource without generating anything. */
export interface Lookups {
  /** Every resource answers it, if the credential is right. */
  models(target: Target): URL
  /** Retired in newer versions of the API: 404 alone does not mean that the deployment is missing. */
  deployment(target: Target): URL
}

/** Audiences of Entra tokens. */
export const cognitiveServicesScope = 'https://cognitiveservices.azure.com/.default'
export const foundryScope = 'https://ai.azure.com/.default'
