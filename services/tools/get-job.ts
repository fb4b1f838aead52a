import Type from 'typebox'
import { toStudioImage } from '../../schemas/studio.ts'
import { hasEnded, type Job } from '../calls/jobs/job.ts'
import { type Jobs, textOf } from '../calls/jobs/jobs.ts'
import type { LibraryResults } from '../calls/library-result.ts'
import type { CallContext, Tool, ToolResult } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import { mayChange } from '../library/access.ts'
import { jobIdArgument } from './arguments.ts'

export interface GetJobOptions {
  jobs: Jobs
  libraryResults: LibraryResults
}

/** Below what clients wait for a tool at least. */
const MAX_WAIT_MS = 25_000

/** Returns what became of a job, as often as a client asks. */
export function getJob({ jobs, libraryResults }: GetJobOptions): Tool {
  const properties = {
    job_id: jobIdArgument,
    wait_ms: Type.Optional(
      Type.Integer({
        description: 'Milliseconds to wait for the end of the job before it returns; 0 by default.',
        minimum: 0,
        maximum: MAX_WAIT_MS,
      }),
    ),
  }
  const inputSchema = Type.Object(properties, { additionalProperties: false })
  const tool: Tool<typeof inputSchema> = {
    name: 'get_job',
    title: 'Get job',
    description:
      'Returns the result of a job (job_…) once it is done, or how long it will take. Free. Pass wait_ms 20000 and call it ' +
      'again until the result is there.',
    inputSchema,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async call({ job_id: id, wait_ms: waitMs = 0 }, context) {
      const job = await jobs.wait(id, context.caller, waitMs, context.signal)
      return await resultOfJob(job, { jobs, libraryResults }, context)
    },
  }
  return tool
}

/** What a job has for its caller now; a result also if it failed. */
export async function resultOfJob(
  job: Job,
  { jobs, libraryResults }: GetJobOptions,
  context: CallContext,
): Promise<ToolResult> {
  const { id, state } = job
  const { result, error } = job.outcome
  if (result !== undefined) {
    const { records, ...content } = await libraryResults.read(result, context)
    const images = records.map((record) => toStudioImage(record, mayChange(context.access, record.owner)))
    return { ...content, studio: { job: { id, state, images } } }
  }
  if (!hasEnded(state)) return await jobs.report(job)
  return { ...textOf(job, error ?? describeEnd(job)), isError: true }
}

function describeEnd({ state }: Job): string {
  return serviceError(state === 'cancelled' ? 'IMG_ERR_JOB_CANCELLED' : 'IMG_ERR_JOB_UNKNOWN', []).message
}
