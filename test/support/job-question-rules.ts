import { type TestContext, test } from 'node:test'
import Type from 'typebox'
import { askForm, InputRequired } from '../../services/calls/input.ts'
import type { Job, JobCall } from '../../services/calls/jobs/job.ts'
import { type JobInput, nextRound, openRequests } from '../../services/calls/jobs/job-input.ts'
import { createJobStore } from '../../services/calls/jobs/job-store.ts'
import type { StateDatabase } from '../../services/databases/state-database.ts'

const call: JobCall = {
  tool: 'generate_image',
  args: { prompt: 'a fox' },
  cost: 1,
  caller: { id: 'key:ann', rateLimitKey: 'ann', isAnonymous: false },
  access: { owner: 'key:ann', uses: 'own', canList: true, changes: 'own' },
  canBeAsked: ['form'],
  requestId: 'r',
}
const form = askForm('Well?', Type.Object({ ok: Type.Boolean() }))
const TTL_MS = 1_000
const noInput: JobInput = { round: 0, requests: {}, responses: {} }

/** What holds for jobs that ask their clients, in every state database. `open` connects one process to one new database. */
export function describeJobQuestions(open: (t: TestContext) => Promise<() => StateDatabase>): void {
  async function start(t: TestContext) {
    const connect = await open(t)
    const world = { now: 1_000_000 }
    const process = () => {
      const database = connect()
      t.after(() => database[Symbol.asyncDispose]())
      return createJobStore({
        database,
        place: 'here',
        maxJobs: 10,
        maxJobsOfCaller: 10,
        ttlMs: TTL_MS,
        now: () => world.now,
      })
    }
    return { process, world, store: process() }
  }

  const questions = (keys: readonly string[], before: JobInput = noInput): JobInput =>
    nextRound(before, new InputRequired(Object.fromEntries(keys.map((key) => [key, form])), { step: 1 }))

  /** A job that has asked. */
  async function asking({ store }: Awaited<ReturnType<typeof start>>, keys: readonly string[]): Promise<string> {
    await store.add('job_1', call)
    await store.claimNext('runner')
    if (!(await store.ask('job_1', 'runner', questions(keys)))) throw new Error('the job could not ask')
    return 'job_1'
  }
  const openKeys = (job: Job | undefined) => job && Object.keys(openRequests(job.input))

  test('a job that asks has no runner, and takes no turn before the last response', async (t: TestContext) => {
    const world = await start(t)
    const { store } = world
    const id = await asking(world, ['a', 'b'])
    t.assert.strictEqual((await store.get(id))?.state, 'input_required')
    t.assert.strictEqual(await store.claimNext('other'), undefined)
    t.assert.strictEqual(await store.claim(id, 'other'), undefined)
    t.assert.strictEqual(await store.markSent(id, 'runner'), false, 'nothing is sent meanwhile')
    t.assert.deepStrictEqual(openKeys(await store.respond(id, { 'a-1': 1, a: 2, 'c-1': 3 })), ['b-1'])
    t.assert.strictEqual(await store.claimNext('other'), undefined)
    t.assert.strictEqual((await store.respond(id, { 'a-1': 'again', 'b-1': null }))?.state, 'queued')
    const turn = await store.claimNext('other')
    t.assert.deepStrictEqual(turn?.input.responses, { a: 1, b: null })
    t.assert.deepStrictEqual(turn?.input.state, { step: 1 })
  })

  test('the keys of another round are others', async (t: TestContext) => {
    const world = await start(t)
    const { store } = world
    const id = await asking(world, ['a'])
    const again = questions(['a'], (await store.respond(id, { 'a-1': 'wrong' }))?.input)
    await store.claimNext('runner')
    await store.ask(id, 'runner', again)
    t.assert.deepStrictEqual(openKeys(await store.get(id)), ['a-2'])
    t.assert.strictEqual((await store.respond(id, { 'a-1': 'late' }))?.state, 'input_required')
    t.assert.deepStrictEqual((await store.respond(id, { 'a-2': 'right' }))?.input.responses, { a: 'right' })
  })

  test('responses that arrive at the same time on two replicas are both kept', async (t: TestContext) => {
    const world = await start(t)
    const id = await asking(world, ['a', 'b', 'c', 'd'])
    const stores = [world.store, world.process(), world.process(), world.process()]
    await Promise.all(stores.map((store, at) => store.respond(id, { [`${'abcd'[at]}-1`]: at })))
    const job = await world.store.get(id)
    t.assert.strictEqual(job?.state, 'queued')
    t.assert.deepStrictEqual(job.input.responses, { a: 0, b: 1, c: 2, d: 3 })
  })

  test('a job that asks can be cancelled; what is answered later is ignored', async (t: TestContext) => {
    const world = await start(t)
    const id = await asking(world, ['a'])
    t.assert.strictEqual((await world.store.cancel(id))?.state, 'cancelled')
    t.assert.strictEqual(await world.store.respond(id, { 'a-1': 1 }), undefined)
    t.assert.strictEqual((await world.store.get(id))?.state, 'cancelled')
  })

  test('a job whose client never answers is given up after its time', async (t: TestContext) => {
    const world = await start(t)
    const id = await asking(world, ['a'])
    world.world.now += TTL_MS + 1
    await world.store.expire()
    const job = await world.store.get(id)
    t.assert.strictEqual(job?.state, 'failed')
    t.assert.match(job.outcome.error ?? '', /nothing was generated or billed/)
  })

  test('only the runner asks, and only before the request goes to Azure or the job is cancelled', async (t: TestContext) => {
    const { store } = await start(t)
    await store.add('job_1', call)
    t.assert.strictEqual(await store.ask('job_1', 'runner', questions(['a'])), false, 'it is queued')
    await store.claimNext('runner')
    t.assert.strictEqual(await store.ask('job_1', 'other', questions(['a'])), false)
    await store.markSent('job_1', 'runner')
    t.assert.strictEqual(await store.ask('job_1', 'runner', questions(['a'])), false)
    await store.add('job_2', call)
    await store.claimNext('runner')
    await store.cancel('job_2')
    t.assert.strictEqual(await store.ask('job_2', 'runner', questions(['a'])), false)
  })

  test('a job that asks counts among the unfinished ones of its caller', async (t: TestContext) => {
    const world = await start(t)
    await asking(world, ['a'])
    t.assert.partialDeepStrictEqual(await world.store.count(), { byState: { input_required: 1, queued: 0 } })
    const second = await world.store.add('job_2', call)
    t.assert.strictEqual(second.priority, 2)
  })
}
