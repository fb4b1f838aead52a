import type { Operation } from '../../schemas/models.ts'
import type { Usage } from './types.ts'

/** How an HTTP request to Azure ended, for metrics. 429 is separate from other 4xx because it has its own alert. */
export type StatusClass = '2xx' | '3xx' | '4xx' | '429' | '5xx' | 'connect_error' | 'timeout' | 'lost' | 'cancelled'

export interface RequestFacts {
  operation: Operation
  /** The configured name. */
  deployment: string
  model: string
}

/** Events of the client, for metrics. Listeners must not throw. */
export interface AzureEvents {
  requestStarted(facts: RequestFacts): void
  requestEnded(facts: RequestFacts & { statusClass: StatusClass; durationMs: number; sentBytes: number }): void
  imagesGenerated(facts: RequestFacts & { count: number; usage: Usage; costUsd: number | undefined }): void
}

export const noEvents: AzureEvents = {
  requestStarted() {},
  requestEnded() {},
  imagesGenerated() {},
}
