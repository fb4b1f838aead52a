import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createIdempotencyKeys } from '../../../services/calls/idempotency-keys.ts'
import { createJobStore } from '../../../services/calls/jobs/job-store.ts'
import { createOnce } from '../../../services/calls/once.ts'
import { migrations } from '../../../services/calls/state-tables.ts'
import type { CallContext, ToolResult } from '../../../services/calls/types.ts'
import { openSqliteState } from '../../../services/databases/sqlite-state.ts'
import type { StateDatabase } from '../../../services/databases/state-database.ts'
import { DatabaseUnavailableError } from '../../../services/databases/unavailable.ts'
import { paidCall, silent } from '../../support/calls.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const failed = new Error('failed')
const ticket: ToolResult = { content: [{ type: 'text', text: 'queued' }], jobId: 'job_new' }

/** Processes on one state database, which may be away, with one clock. */
async function start(t: TestContext) {
  const world = { now: Date.now(), isAway: false }
  const real = openSqliteState(join(await temporaryFolder(t), 'state.db'), migrations)
  t.after(() => real[Symbol.asyncDispose]())
  const run: StateDatabase['run'] = async (...statement) => {
    if (world.isAway) throw new DatabaseUnavailableError('away')
    return await real.run(...statement)
  }
  const database: StateDatabase = { ...real, run }
  const store = createJobStore({ place: 'here', database: real, maxJobs: 10, maxJobsOfCaller: 10, ttlMs: 60_000 })
  function startProcess(runner: string) {
    const keys = createIdempotencyKeys({ database, runner, now: () => world.now })
    const libraryResults = { read: async () => ({ ...ticket, records: [] }) }
    const once = createOnce({ keys, libraryResults, redis: undefined, log: silent })
    t.after(once.close)
    return async (make: (onJob: NonNullable<CallContext['onJob']>) => Promise<ToolResult>) => {
      const { call } = paidCall({}, { caller: 'key:ann', requestId: 1, make: async () => ticket })
      call.context = { ...call.context, deadlineAt: performance.now() + 20_000 }
      const known = { key: 'k', fingerprint: 'f', call, note: '', findLocal: async () => undefined }
      const { result } = await once.run(known, (made = call) =>
        make(async (...job) => await made.context.onJob?.(...job)),
      )
      return result
    }
  }
  return { world, store, startProcess }
}

const jobCall = {
  tool: 'generate_image',
  args: {},
  cost: 1,
  caller: { id: 'key:ann', rateLimitKey: 'ann', isAnonymous: false },
  access: { owner: 'key:ann', uses: 'own' as const, canList: true, changes: 'own' as const },
  requestId: 'r',
}

test('a process that ends between storing a job and recording it leaves the job to its key', async (t: TestContext) => {
  const { world, store, startProcess } = await start(t)
  const stored = Promise.withResolvers<void>()
  void startProcess('killed')(async (onJob) => {
    await store.add('job_1', jobCall, (run) => onJob('job_1', run))
    stored.resolve()
    return await new Promise(() => {})
  })
  await stored.promise
  world.now += 31_000
  const again = await startProcess('next')(async () => t.assert.fail('a second job'))
  t.assert.strictEqual(again.jobId, 'job_1')
})

test('a process that ends before its job is stored leaves the key to the next one, and stores no job later', async (t: TestContext) => {
  const { world, store, startProcess } = await start(t)
  const slow = Promise.withResolvers<void>()
  const stuck = startProcess('slow')(async (onJob) => {
    await slow.promise
    await store.add('job_1', jobCall, (run) => onJob('job_1', run))
    return t.assert.fail('a second job')
  })
  world.now += 31_000
  const next = await startProcess('next')(async (onJob) => {
    await store.add('job_2', jobCall, (run) => onJob('job_2', run))
    return { ...ticket, jobId: 'job_2' }
  })
  slow.resolve()
  t.assert.strictEqual((await stuck).jobId, next.jobId)
  t.assert.strictEqual(await store.get('job_1'), undefined)
})

test('a job that was stored although its database did not say so keeps its key until it is known to be cancelled', async (t: TestContext) => {
  const { world, store, startProcess } = await start(t)
  const use = startProcess('me')
  const lost = use(async (onJob) => {
    await store.add('job_1', jobCall, (run) => onJob('job_1', run))
    throw failed
  })
  await t.assert.rejects(lost, failed)
  world.now += 31_000
  t.assert.strictEqual((await use(async () => t.assert.fail('a second job'))).jobId, 'job_1')
  await store.cancel('job_1')
  t.assert.strictEqual((await use(async () => ticket)).jobId, 'job_new')
})

test('the key of a job that failed without being sent can be used again; of one that was sent it cannot', async (t: TestContext) => {
  const { store, startProcess } = await start(t)
  const use = startProcess('me')
  const submit = (id: string) =>
    use(async (onJob) => {
      await store.add(id, jobCall, (run) => onJob(id, run))
      await store.claim(id, 'me')
      return { ...ticket, jobId: id }
    })
  t.assert.strictEqual((await submit('job_1')).jobId, 'job_1')
  t.assert.strictEqual((await submit('job_2')).jobId, 'job_1', 'it runs')
  await store.end('job_1', 'me', 'failed', { error: 'no' })
  t.assert.strictEqual((await submit('job_2')).jobId, 'job_2')
  await store.markSent('job_2', 'me')
  await store.end('job_2', 'me', 'failed', { error: 'lost' })
  t.assert.strictEqual((await submit('job_3')).jobId, 'job_2')
})

test('the late record of a call that failed does not take the key from the next call', async (t: TestContext) => {
  const { world, startProcess } = await start(t)
  const use = startProcess('me')
  const first = use(async () => {
    world.isAway = true
    throw failed
  })
  await t.assert.rejects(first, failed)
  world.isAway = false
  world.now += 31_000
  let made = 0
  const make = async () => {
    made++
    // Longer than until the next try to record the first call.
    await pause(6_000)
    return ticket
  }
  t.assert.strictEqual((await use(make)).jobId, 'job_new')
  t.assert.strictEqual((await use(make)).jobId, 'job_new')
  t.assert.strictEqual(made, 1)
})
