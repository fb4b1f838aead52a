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
  /** @param streamed requests server-sent events, which the model must support */
  generate(request: ImageRequest, target: Target, streamed: boolean): HttpRequest
  edit(request: EditRequest, target: Target, streamed: boolean): HttpRequest
}

/** Audiences of Entra tokens. */
export const cognitiveServicesScope = 'https://cognitiveservices.azure.com/.default'
export const foundryScope = 'https://ai.azure.com/.default'
