import type { Operation } from './images-client.ts'

/** How one HTTP request to Azure ended, as a closed set of words; the rate limit apart from other refusals, since it has an alarm of its own. */
export type StatusClass = '2xx' | '3xx' | '4xx' | '429' | '5xx' | 'connect_error' | 'timeout' | 'lost' | 'cancelled'

/** What the client tells about its doings; whoever counts or logs listens. Listeners must not throw. */
export interface AzureEvents {
  requestStarted(fact: { operation: Operation; deployment: string }): void
  requestEnded(fact: {
    operation: Operation
    deployment: string
    statusClass: StatusClass
    durationMs: number
    sentBytes: number
  }): void
}

/** For those who listen to nothing. */
export const silentEvents: AzureEvents = {
  requestStarted() {},
  requestEnded() {},
}
