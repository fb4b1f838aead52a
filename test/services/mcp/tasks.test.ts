import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createLocalQueue } from '../../../services/calls/jobs/job-queue.ts'
import { createJobStore } from '../../../services/calls/jobs/job-store.ts'
import { createJobs } from '../../../services/calls/jobs/jobs.ts'
import { migrations } from '../../../services/calls/state-tables.ts'
import { openSqliteState } from '../../../services/databases/sqlite-state.ts'
import { Rejection } from '../../../services/errors/rejection.ts'
import { createTasks } from '../../../services/mcp/tasks.ts'
import { noTrace } from '../../../services/telemetry/trace.ts'
import { contextOf, silent } from '../../support/calls.ts'
import { eagerJobTiming as timing } from '../../support/eager-jobs.ts'
import { taskErrors } from '../../support/task-schema.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const away = () => Promise.reject(new Rejection(503, 'Jobs cannot be looked up at the moment.'))

test('a client gets the id of its task even if the task cannot be looked up at that moment', async (t: TestContext) => {
  const database = openSqliteState(join(await temporaryFolder(t), 'state.db'), migrations)
  const store = createJobStore({ database, place: 'here', maxJobs: 10, maxJobsOfCaller: 10, ttlMs: 60_000 })
  const queue = createLocalQueue(async () => undefined, 1)
  const own = { runner: 'me', redis: undefined, deadlineMs: 30_000, ttlMs: 60_000, estimateMs: () => 1_000 }
  const jobs = createJobs({ store, queue, ...own, timing, log: silent, trace: noTrace, logOf: () => silent })
  t.after(async () => {
    await jobs[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })
  const libraryResults = { read: async () => ({ content: [], records: [] }) }
  const created = await createTasks({ jobs: { ...jobs, get: away }, libraryResults }).created('job_1', contextOf())
  t.assert.partialDeepStrictEqual(created, { resultType: 'task', taskId: 'job_1', status: 'working', ttlMs: 60_000 })
  t.assert.deepStrictEqual(taskErrors('tools/call', created), [])
  const tasks = createTasks({ jobs, libraryResults })
  await t.assert.rejects(tasks.created('job_1', contextOf()), { code: 'IMG_ERR_JOB_ID' })
})
