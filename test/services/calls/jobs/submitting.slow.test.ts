import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as pause } from 'node:timers/promises'
import type { Job } from '../../../../services/calls/jobs/job.ts'
import { createLocalQueue, type JobQueue } from '../../../../services/calls/jobs/job-queue.ts'
import { createJobStore } from '../../../../services/calls/jobs/job-store.ts'
import { createJobs } from '../../../../services/calls/jobs/jobs.ts'
import { migrations } from '../../../../services/calls/state-tables.ts'
import type { ToolResult } from '../../../../services/calls/types.ts'
import { openSqliteState } from '../../../../services/databases/sqlite-state.ts'
import { serviceError } from '../../../../services/errors/errors.ts'
import { noTrace } from '../../../../services/telemetry/trace.ts'
import { paidCall, silent } from '../../../support/calls.ts'
import { eagerJobTiming as timing } from '../../../support/eager-jobs.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'
import { waitFor } from '../../../support/wait-for.ts'

const direct: ToolResult = { content: [{ type: 'text', text: 'generated' }] }

/** A process that begins no turns. */
async function start(t: TestContext, changes: Partial<JobQueue> = {}, ttlMs = 60_000) {
  const database = openSqliteState(join(await temporaryFolder(t), 'state.db'), migrations)
  const store = createJobStore({ database, place: 'here', maxJobs: 10, maxJobsOfCaller: 10, ttlMs })
  const queue: JobQueue = { ...createLocalQueue(async () => undefined, 1), ...changes }
  const own = { runner: 'me', redis: undefined, deadlineMs: 30_000, ttlMs, estimateMs: () => 1_000 }
  const jobs = createJobs({ store, queue, ...own, timing, log: silent, trace: noTrace, logOf: () => silent })
  t.after(async () => {
    await jobs[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })
  return jobs
}

/** A process that begins turns and returns images to the daily quota, and a paid call. */
async function startWithRefunds(t: TestContext, ttlMs?: number) {
  const jobs = await start(t, {}, ttlMs)
  const refunds: string[] = []
  const refund = async ({ id }: Job) => void refunds.push(id)
  jobs.start({ toolOf: () => undefined, run: async () => direct, refund })
  const { call } = paidCall({}, { caller: 'key:ann', requestId: 1, make: async () => direct })
  return { jobs, refunds, call }
}

/** As while Redis does not respond. */
const startWithoutQueue = (t: TestContext) => start(t, { state: 'unavailable' })

test('while no job can be queued, a client that takes tasks gets its image as others do', async (t: TestContext) => {
  const jobs = await startWithoutQueue(t)
  const { call } = paidCall({}, { caller: 'key:ann', requestId: 1, make: async () => direct })
  t.assert.strictEqual(await jobs.around({ ...call, task: { canBeAsked: [] } }, async () => direct), direct)
})

test('while no job can be queued, a client that requests one is told so', async (t: TestContext) => {
  const jobs = await startWithoutQueue(t)
  const { call } = paidCall({ job: true }, { caller: 'key:ann', requestId: 1, make: async () => direct })
  await t.assert.rejects(
    jobs.around({ ...call, task: { canBeAsked: [] } }, async () => direct),
    { statusCode: 503, retryAfterMs: 10_000 },
  )
})

test('a client that disconnects before it has the id of its job can call again: nothing is sent for it', async (t: TestContext) => {
  const { call, disconnect } = paidCall({}, { caller: 'key:ann', requestId: 1, make: async () => direct })
  // Between the job's being stored and its ticket.
  const jobs = await start(t, { add: async () => disconnect() })
  const task = { ...call, task: { canBeAsked: [] } }
  await t.assert.rejects(
    jobs.around(task, async () => direct),
    { code: 'IMG_ERR_CANCELLED' },
  )
  t.assert.partialDeepStrictEqual(await jobs.store.count(), { byState: { queued: 0, cancelled: 1 } })
  await t.assert.rejects(
    jobs.around(task, async () => direct),
    { code: 'IMG_ERR_CANCELLED' },
  )
  t.assert.partialDeepStrictEqual(await jobs.store.count(), { byState: { queued: 0, cancelled: 1 } }, 'none is stored')
})

test('a job that is cancelled before its turn returns its images to the daily quota, once', async (t: TestContext) => {
  const { jobs, refunds, call } = await startWithRefunds(t)
  const { jobId = '' } = await jobs.around({ ...call, task: { canBeAsked: [] } }, async () => direct)
  for (let time = 0; time < 3; time++) await jobs.cancel(jobId, call.context.caller)
  t.assert.deepStrictEqual(refunds, [jobId])
})

test('a client that disconnects before it has the id of the call that was handed over has its call joined as before', async (t: TestContext) => {
  const jobs = await start(t)
  const { call, disconnect } = paidCall({}, { caller: 'key:ann', requestId: 1, make: async () => direct })
  const { promise, resolve } = Promise.withResolvers<ToolResult>()
  const { context } = call
  // Between the call's being stored as a job and the ticket.
  const log = {
    ...silent,
    info() {
      disconnect()
      resolve(direct)
    },
  }
  call.context = {
    ...context,
    log,
    signal: context.signal,
    get isCancelled() {
      return context.isCancelled
    },
  }
  const response = jobs.around({ ...call, handOverAfterMs: 1 }, () => promise)
  t.assert.strictEqual(await response, direct)
  t.assert.partialDeepStrictEqual(await jobs.store.count(), { byState: { running: 0, failed: 1 } })
})

test('a call whose image is being stored for its client is not handed over: a job would not have it', async (t: TestContext) => {
  const jobs = await start(t)
  const { call } = paidCall({}, { caller: 'key:ann', requestId: 1, make: async () => direct })
  const { promise, resolve } = Promise.withResolvers<ToolResult>()
  const response = jobs.around({ ...call, handOverAfterMs: 1 }, (made = call) => {
    made.context.isSaving = true
    return promise
  })
  setTimeout(() => resolve(direct), 50)
  t.assert.strictEqual(await response, direct)
})

test('a call that was handed over and then failed free of charge returns its images to the daily quota', async (t: TestContext) => {
  const { jobs, refunds, call } = await startWithRefunds(t)
  const { promise, reject } = Promise.withResolvers<ToolResult>()
  const { jobId } = await jobs.around({ ...call, handOverAfterMs: 1 }, () => promise)
  reject(serviceError('IMG_ERR_NOT_CONFIRMED', []))
  await waitFor('the refund', () => refunds.length > 0)
  t.assert.deepStrictEqual(refunds, [jobId])
})

test('a call that was handed over by a process that was taken for dead is counted back by the one that ended it', async (t: TestContext) => {
  const { jobs, refunds, call } = await startWithRefunds(t)
  const { promise, reject } = Promise.withResolvers<ToolResult>()
  const { jobId } = await jobs.around({ ...call, handOverAfterMs: 1 }, () => promise)
  const { failed } = await jobs.store.recover(-1_000)
  t.assert.deepStrictEqual(
    failed.map(({ id }) => id),
    [jobId],
  )
  reject(serviceError('IMG_ERR_JOB_TAKEN', []))
  await jobs[Symbol.asyncDispose]()
  await pause()
  t.assert.deepStrictEqual(refunds, [])
})

test('a job that waited too long for its turn returns its images to the daily quota, once', async (t: TestContext) => {
  const { jobs, refunds, call } = await startWithRefunds(t, 1_000)
  const { jobId = '' } = await jobs.around({ ...call, task: { canBeAsked: [] } }, async () => direct)
  await waitFor('the refund', () => refunds.length > 0)
  await waitFor('that it is forgotten', async () => (await jobs.store.get(jobId)) === undefined || undefined)
  t.assert.deepStrictEqual(refunds, [jobId])
})
