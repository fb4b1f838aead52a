import type { Manifest } from './manifest.ts'
import type { BatchCounts, BatchProgress } from './progress.ts'
import type { Item } from './prompts.ts'
import { type CallOutcome, failure, type ServiceClient } from './service-client.ts'

export interface BatchOptions {
  items: readonly Item[]
  manifest: Manifest
  client: ServiceClient
  progress: BatchProgress
  /** Items under way at a time; the service paces what goes to Azure. */
  concurrency: number
  /** Whether items that failed in an earlier run, free of charge, are tried again. */
  retriesFailed: boolean
  /** Whether items are tried again whose images may have been generated and billed in an earlier run. */
  retriesUnknown: boolean
  signal: AbortSignal
}

/** Of one `get_job`. */
const WAIT_MS = 20_000

/**
 * Makes every item that has not been made; each is paid for once, also if the batch or its service was killed. What may have
 * been paid for is not made again. Returns what became of them.
 */
export async function runBatch(options: BatchOptions): Promise<BatchCounts> {
  const { items, manifest, client, progress, concurrency, retriesFailed, retriesUnknown, signal } = options
  const counts = { total: items.length, completed: 0, failed: 0, unknown: 0 }
  const argumentsOf = await client.tools()
  const open: Item[] = []
  for (const item of items) {
    const status = manifest.find(item.key)?.status
    if (status === 'completed') counts.completed++
    else if (status === 'failed' && !retriesFailed) counts.failed++
    else if ((status === 'sent' || status === 'unknown') && !retriesUnknown) counts.unknown++
    else open.push(item)
  }
  progress.update(counts, `${counts.completed} of ${counts.total} are there already`)

  async function make(item: Item): Promise<CallOutcome> {
    const names = argumentsOf.get(item.tool)
    if (names === undefined) return failure(`The service does not offer ${item.tool}.`)
    const earlier = manifest.find(item.key)
    const known = earlier?.status === 'submitted' ? await finish(earlier.job ?? '') : undefined
    // A service that has forgotten the job has its result under the key, or makes it now.
    if (known !== undefined && !isForgotten(known)) return known
    const whole = names.includes('return') ? { return: 'image' } : {}
    // Under its key a job of unknown outcome is never made again.
    const attempt = (earlier?.attempt ?? 1) + (earlier?.status === 'unknown' ? 1 : 0)
    const idempotency_key = attempt === 1 ? item.key : `${item.key}-${attempt}`
    const args = { ...item.args, ...whole, idempotency_key }
    if (!names.includes('job')) {
      // Such a service knows no more of a call under way once it is killed.
      await manifest.sent(item, attempt)
      return await client.call(item.tool, args, false)
    }
    const outcome = await client.call(item.tool, { ...args, job: true }, true)
    const job = /Job id: (job_[0-9a-f]{32})/.exec(outcome.text)?.[1]
    if (job === undefined) return outcome
    await manifest.submitted(item, job, attempt)
    return await finish(job)
  }

  async function finish(job_id: string): Promise<CallOutcome> {
    for (;;) {
      const outcome = await client.call('get_job', { job_id, wait_ms: WAIT_MS }, true)
      if (!isPending(outcome)) return outcome
    }
  }

  async function work(): Promise<void> {
    for (let item = open.shift(); item !== undefined; item = open.shift()) {
      signal.throwIfAborted()
      const outcome = await make(item)
      if (mayBeBilled(outcome)) {
        counts.unknown++
        await manifest.unknown(item, outcome.text)
        progress.update(counts, `line ${item.line}: unknown: ${outcome.text}`)
      } else if (outcome.isError || outcome.images.length === 0) {
        counts.failed++
        const reason = outcome.isError ? outcome.text : `There is no image in the result. ${outcome.notes}`
        await manifest.failed(item, reason)
        progress.update(counts, `line ${item.line}: failed: ${reason}`)
      } else {
        counts.completed++
        await manifest.completed(item, outcome)
        progress.update(counts, `line ${item.line}: ${item.name}`)
      }
    }
  }

  await Promise.all(Array.from({ length: concurrency }, work))
  return counts
}

/** Any other text is the end of a job, also one whose images were deleted since. */
const isPending = ({ isError, text }: CallOutcome): boolean => !isError && text.endsWith('; call get_job with it.')

const isForgotten = ({ isError, text }: CallOutcome): boolean => isError && text.startsWith('There is no such job')

/** Errors say so after which another call may cost again. */
export const mayBeBilled = ({ isError, text }: CallOutcome): boolean =>
  isError && /\b(?:generated and billed|cost again)\b/.test(text)
