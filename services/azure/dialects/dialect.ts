import type { DialectName, Model } from '../../../schemas/models.ts'
import type { HttpRequest } from '../http-request.ts'
import type { EditRequest, ImageRequest } from '../types.ts'

/** The far end of a request. */
export interface Target {
  baseUrl: string
  /** Name of the deployment, which need not be the model's. */
  deployment: string
  model: Model
  /** For the dialects that send one; never empty. */
  apiVersion: string
}

/** How one of Azure's routes wants a request to look. Answers look alike on all of them. */
export interface Dialect {
  readonly name: DialectName
  /** What the route sends as `api-version` when the operator says nothing; absent: it has none. */
  readonly defaultApiVersion?: string
  /** https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/configure-entra-id */
  readonly scope: string
  /** `streamed` asks for server-sent events; only for models that can. */
  generate(request: ImageRequest, target: Target, streamed: boolean): HttpRequest
  edit(request: EditRequest, target: Target, streamed: boolean): HttpRequest
}

/** Audiences of Entra tokens. */
export const cognitiveServicesScope = 'https://cognitiveservices.azure.com/.default'
export const foundryScope = 'https://ai.azure.com/.default'
