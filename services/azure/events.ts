import type { Operation } from '../../schemas/models.ts'
import type { Usage } from './types.ts'

/** How one HTTP request to Azure ended, as a closed set of words; the rate limit apart from other rejections, since it has an alarm of its own. */
export type StatusClass = '2xx' | '3xx' | '4xx' | '429' | '5xx' | 'connect_error' | 'timeout' | 'lost' | 'cancelled'

export interface RequestFacts {
  operation: Operation
  /** The configured name. */
  deployment: string
  model: string
}

/** What the client tells about its doings; whoever counts or logs listens. Listeners must not throw. */
export interface AzureEvents {
  requestStarted(fact: RequestFacts): void
  requestEnded(fact: RequestFacts & { statusClass: StatusClass; durationMs: number; sentBytes: number }): void
  /** A call got its images. */
  imagesMade(fact: RequestFacts & { count: number; usage: Usage; costUsd: number | undefined }): void
}

/** For those who listen to nothing. */
export const silentEvents: AzureEvents = {
  requestStarted() {},
  requestEnded() {},
  imagesMade() {},
}
