import { ServiceError, serviceError } from '../../errors/errors.ts'
import { Rejection } from '../../errors/rejection.ts'
import type { Logger } from '../../logging/logger.ts'
import { isFree } from '../admission-control.ts'
import type { CallContext, ToolResult } from '../types.ts'
import type { JobOutcome, JobState } from './job.ts'

/** How a job ended. */
export interface Outcome extends JobOutcome {
  state: JobState
  /** Whether its images are not counted. */
  isFree?: boolean
}

/** As JSON-RPC numbers it. */
const INTERNAL_ERROR = -32603

export const failed = (error: string, code?: number): Outcome => ({
  state: 'failed',
  error,
  ...(code === undefined ? {} : { code }),
})

export function outcomeOf({ stored, isError, content }: ToolResult): Outcome {
  if (stored !== undefined) return { state: 'completed', result: stored }
  const [text] = content.flatMap((block) => (block.type === 'text' ? [block.text] : []))
  if (isError === true) return failed(text ?? 'The call failed.')
  return failed(serviceError('IMG_ERR_JOB_NOT_STORED', []).message)
}

/** Nothing was sent. */
export const cancelled: Outcome = { state: 'cancelled', isFree: true }

/** Its process ended before anything was sent. */
export const lost: Outcome = { ...failed(serviceError('IMG_ERR_JOB_LOST', []).message), isFree: true }

/** @param id of the job @param context of the call */
export function outcomeOfFailure(error: unknown, id: string, context: CallContext, log: Logger): Outcome {
  const free = { isFree: isFree(error, context) }
  if (error instanceof ServiceError) return { ...failed(error.message), ...free }
  if (error instanceof Rejection) return { ...failed(error.message, error.statusCode), ...free }
  log.error({ err: error, job: id }, 'job failed')
  const sentence = 'Internal error; the log of the service has the details under the id of this job.'
  return { ...failed(sentence, INTERNAL_ERROR), ...free }
}
