import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Job, type JobCall, newJobId } from '../../../services/calls/jobs/job.ts'
import { createJobFence } from '../../../services/calls/jobs/job-fence.ts'
import { createJobStore, type JobStoreOptions } from '../../../services/calls/jobs/job-store.ts'
import { jobTables } from '../../../services/calls/jobs/job-tables.ts'
import { openSqliteState } from '../../../services/databases/sqlite-state.ts'
import type { Run } from '../../../services/databases/state-database.ts'
import { silent } from '../../support/calls.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const HOUR = 3_600_000

function callOf(caller: string): JobCall {
  return {
    tool: 'generate_image',
    args: { prompt: 'a fox' },
    cost: 1,
    caller: { id: caller, rateLimitKey: caller, isAnonymous: false },
    access: { owner: caller, uses: 'own', canList: true, changes: 'own' },
    requestId: 'r',
  }
}

async function openStore(t: TestContext, options: Partial<JobStoreOptions> = {}) {
  const clock = { now: 1_000_000 }
  const database = openSqliteState(join(await temporaryFolder(t), 'state.db'), [jobTables])
  t.after(() => database[Symbol.asyncDispose]())
  const now = () => clock.now
  const store = createJobStore({
    database,
    place: 'here',
    maxJobs: 100,
    maxJobsOfCaller: 100,
    ttlMs: HOUR,
    now,
    ...options,
  })
  const add = (caller = 'ann'): Promise<Job> => store.add(newJobId(), callOf(caller))
  return { store, add, clock, database }
}

test('a caller has as many unfinished jobs as it may, and another one still has its own', async (t: TestContext) => {
  const { store, add } = await openStore(t, { maxJobsOfCaller: 2, maxJobs: 3 })
  const first = await add()
  await add()
  await t.assert.rejects(add(), { code: 'IMG_ERR_JOBS_FULL', message: /you have 2 unfinished ones/ })
  await add('ben')
  await t.assert.rejects(add('cid'), { message: /the queue is full/ })
  await store.cancel(first.id)
  await add()
})

test('turns go round the callers', async (t: TestContext) => {
  const { store, add, clock } = await openStore(t)
  const owners: string[] = []
  for (const caller of ['ann', 'ann', 'ann', 'ben', 'ben', 'cid']) {
    clock.now++
    await add(caller)
  }
  for (let job = await store.claimNext('a'); job !== undefined; job = await store.claimNext('a')) owners.push(job.owner)
  t.assert.deepStrictEqual(owners, ['ann', 'ben', 'cid', 'ann', 'ben', 'ann'])
})

test('one runner claims a job, and of all that ever had it one passes the fence', async (t: TestContext) => {
  const { store, add, clock } = await openStore(t)
  const { id } = await add()
  t.assert.ok(await store.claim(id, 'a'))
  t.assert.strictEqual(await store.claim(id, 'b'), undefined)
  clock.now += 30_001
  t.assert.deepStrictEqual(await store.recover(30_000), { queued: [id], unknown: [], failed: [] })
  t.assert.strictEqual(await store.markSent(id, 'a'), false)
  t.assert.ok(await store.claim(id, 'b'))
  t.assert.strictEqual(await store.markSent(id, 'a'), false)
  t.assert.strictEqual(await store.markSent(id, 'b'), true)
  t.assert.strictEqual(await store.markSent(id, 'b'), false)
  t.assert.strictEqual(await store.end(id, 'a', 'completed', {}), false)
})

test('a job of a lost runner that was sent is unknown until that runner ends it', async (t: TestContext) => {
  const { store, add, clock } = await openStore(t)
  const { id } = await add()
  await store.claim(id, 'a')
  await store.markSent(id, 'a')
  clock.now += 30_001
  t.assert.deepStrictEqual(await store.recover(30_000), { queued: [], unknown: [id], failed: [] })
  t.assert.strictEqual(await store.claim(id, 'b'), undefined)
  t.assert.deepStrictEqual(await store.next(10), [])
  t.assert.strictEqual(await store.end(id, 'b', 'failed', {}), false)
  t.assert.strictEqual(await store.end(id, 'a', 'failed', { error: 'Azure failed.' }), true)
  t.assert.strictEqual((await store.get(id))?.state, 'failed')
})

test('a runner that shows itself keeps its jobs, and hears which are to be cancelled or are no longer its own', async (t: TestContext) => {
  const { store, add, clock } = await openStore(t)
  const [kept, cancelled, lost] = [await add(), await add(), await add()]
  for (const { id } of [kept, cancelled]) await store.claim(id, 'a')
  await store.claim(lost.id, 'b')
  await store.cancel(cancelled.id)
  clock.now += 29_000
  const ids = [kept.id, cancelled.id, lost.id]
  t.assert.deepStrictEqual(await store.keep('a', ids), new Set([kept.id]))
  clock.now += 2_000
  t.assert.deepStrictEqual((await store.recover(30_000)).queued, [lost.id])
})

test('what was marked as sent and was not can be sent again, by its runner only, also after it was given up', async (t: TestContext) => {
  const { store, add, clock } = await openStore(t)
  const { id } = await add()
  await store.claim(id, 'a')
  const fence = createJobFence(store, id, 'a', silent)
  await fence.pass()
  clock.now += 30_001
  t.assert.deepStrictEqual((await store.recover(30_000)).unknown, [id])
  await store.markUnsent(id, 'b')
  t.assert.strictEqual((await store.get(id))?.state, 'unknown')
  await fence.reopen()
  t.assert.strictEqual((await store.get(id))?.state, 'running')
  await fence.pass()
  t.assert.notStrictEqual((await store.get(id))?.sentAt, undefined)
  // As after a rejection that could not be stored.
  await fence.pass()
  t.assert.strictEqual(await store.release(id, 'b'), false)
  t.assert.strictEqual(await store.release(id, 'a'), true)
  t.assert.deepStrictEqual(
    (await store.next(10)).map((job) => job.id),
    [id],
  )
  await t.assert.rejects(fence.pass(), { code: 'IMG_ERR_JOB_TAKEN' })
})

test('a cancelled job passes no fence', async (t: TestContext) => {
  const { store, add } = await openStore(t)
  const { id } = await add()
  await store.claim(id, 'a')
  await store.cancel(id)
  t.assert.strictEqual(await store.markSent(id, 'a'), false)
})

test('a job that waited too long fails, and ended ones are forgotten', async (t: TestContext) => {
  const { store, add, clock } = await openStore(t)
  const { id } = await add()
  clock.now += HOUR
  await store.expire()
  t.assert.strictEqual((await store.get(id))?.state, 'queued')
  clock.now += 1
  await store.expire()
  const expired = await store.get(id)
  t.assert.strictEqual(expired?.state, 'failed')
  t.assert.match(expired?.outcome.error ?? '', /waited too long .* nothing was generated or billed/)
  clock.now += HOUR + 1
  await store.expire()
  t.assert.strictEqual(await store.get(id), undefined)
})

test('a job that has waited too long gets no further turn, however often it was queued again', async (t: TestContext) => {
  const { store, add, clock } = await openStore(t)
  const { id } = await add()
  await store.claimNext('a')
  clock.now += HOUR + 1
  await store.release(id, 'a')
  t.assert.strictEqual(await store.claimNext('a'), undefined)
  t.assert.strictEqual(await store.claim(id, 'a'), undefined)
  t.assert.deepStrictEqual(
    (await store.expire()).map((job) => job.id),
    [id],
  )
})

test('a job whose turn ends with a question while it is being cancelled is cancelled', async (t: TestContext) => {
  const { database, add, store } = await openStore(t)
  const { id } = await add()
  await store.claim(id, 'a')
  let statements = 0
  const run: Run = async (...statement) => {
    const rows = await database.run(...statement)
    if (++statements === 1) await store.ask(id, 'a', { round: 1, requests: { price: {} }, responses: {} })
    return rows
  }
  const { store: racing } = await openStore(t, { database: { ...database, run } })
  t.assert.strictEqual((await racing.cancel(id))?.state, 'cancelled')
  t.assert.strictEqual((await store.get(id))?.state, 'cancelled')
})

test('jobs are counted by state, with the wait of the oldest queued one', async (t: TestContext) => {
  const { store, add, clock } = await openStore(t)
  const [first] = [await add(), await add(), await add()]
  clock.now += 5_000
  await store.claim(first.id, 'a')
  const { byState, oldestMs } = await store.count()
  t.assert.deepStrictEqual([byState.queued, byState.running, oldestMs], [2, 1, 5_000])
})

test('processes that share the database but not the images leave each other their jobs', async (t: TestContext) => {
  const { store: here, add, database } = await openStore(t)
  const { store: there } = await openStore(t, { database, place: 'there' })
  const { id } = await add()
  t.assert.strictEqual(await there.claimNext('b'), undefined)
  t.assert.strictEqual((await here.claimNext('a'))?.id, id)
})

test('a call that became a job and was not sent runs nowhere else: it fails, for its images to be counted back', async (t: TestContext) => {
  const { store, clock } = await openStore(t)
  const id = newJobId()
  await store.addRunning(id, callOf('ann'), 'a', false)
  clock.now += 30_001
  const { queued, unknown, failed } = await store.recover(30_000)
  t.assert.deepStrictEqual([queued, unknown, failed.map((job) => job.id)], [[], [], [id]])
  t.assert.match(failed[0]?.outcome.error ?? '', /ended before anything was sent/)
  t.assert.strictEqual(await store.markSent(id, 'a'), false)
})
