import Type from 'typebox'
import type { Job } from '../calls/jobs/job.ts'
import { type Jobs, textOf } from '../calls/jobs/jobs.ts'
import type { Tool } from '../calls/types.ts'
import { jobIdArgument } from './arguments.ts'

/** For the process that runs the job to hear of it. */
const WAIT_MS = 3_000

/** Cancels a job as long as nothing of it costs anything. */
export function cancelJob({ jobs }: { jobs: Jobs }): Tool {
  const inputSchema = Type.Object({ job_id: jobIdArgument }, { additionalProperties: false })
  const tool: Tool<typeof inputSchema> = {
    name: 'cancel_job',
    title: 'Cancel job',
    description: 'Cancels a job that has not been sent to Azure yet. What was sent is generated, billed and stored.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    async call({ job_id: id }, { caller, signal }) {
      const job = await jobs.cancel(id, caller)
      const isOpen = job.state === 'running' && job.sentAt === undefined
      const latest = isOpen ? await jobs.wait(id, caller, WAIT_MS, signal) : job
      return textOf(latest, describe(latest))
    },
  }
  return tool
}

function describe({ state, sentAt }: Job): string {
  if (state === 'cancelled') return 'The job is cancelled; nothing was generated or billed.'
  if (state !== 'running') return `The job has ended before (${state}); call get_job for its result.`
  if (sentAt === undefined) return 'The job is being cancelled; call get_job to see whether it was in time.'
  return 'The request has gone to Azure, so the image is generated and billed; it will be stored, and get_job returns it.'
}
