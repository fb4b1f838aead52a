import type { Operation } from '../../schemas/models.ts'
import { type ErrorCode, errorCodes } from '../errors/errors.ts'
import type { Usage } from './types.ts'

/** How an HTTP request to Azure ended, for metrics. 429 is separate from other 4xx because it has its own alert. */
export type StatusClass = '2xx' | '3xx' | '4xx' | '429' | '5xx' | 'connect_error' | 'timeout' | 'lost' | 'cancelled'

/** How a request ended: `ok` with an image, or the code of the error table. */
export type RequestCode = 'ok' | 'other' | ErrorCode

/** Failures of calls whose request was never sent. */
const unsent: ReadonlySet<ErrorCode> = new Set(['IMG_ERR_AZURE_BUSY', 'IMG_ERR_AZURE_NOT_SENT'])

/** Every code, for counters that exist before their first event. */
export const requestCodes: readonly RequestCode[] = [
  'ok',
  ...errorCodes.filter((code) => code.startsWith('IMG_ERR_AZURE_') && !unsent.has(code)),
]

export interface RequestFacts {
  operation: Operation
  /** The configured name. */
  deployment: string
  model: string
}

interface Traced {
  /** An exported trace that has it in it. */
  traceId?: string | undefined
}

/** Events of the client, for metrics. Listeners must not throw. */
export interface AzureEvents {
  requestStarted(facts: RequestFacts): void
  requestEnded(
    facts: RequestFacts & {
      statusClass: StatusClass
      code: RequestCode
      durationMs: number
      sentBytes: number
    } & Traced,
  ): void
  /** A call has waited for its turn at a deployment, because of the quota. */
  waited?(facts: { deployment: string; waitedMs: number } & Traced): void
  imagesGenerated(facts: RequestFacts & { count: number; usage: Usage; costUsd: number | undefined }): void
}

export const noEvents: AzureEvents = {
  requestStarted() {},
  requestEnded() {},
  imagesGenerated() {},
}
