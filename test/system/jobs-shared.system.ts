import { after, before, describe, type TestContext, test } from 'node:test'
import type { SimulatorOptions } from '../../simulator/app.ts'
import { containerFlags } from '../support/container-flags.ts'
import { callTool } from '../support/service.ts'
import {
  getJob,
  type Neighbours,
  prepareReplicas,
  readiness,
  resultOf,
  startNeighbours,
  submitJob,
} from '../support/system/replicas.ts'
import { waitFor } from '../support/wait-for.ts'

let neighbours: Neighbours
before(async () => {
  neighbours = await startNeighbours('--appendonly', 'yes')
})
after(() => neighbours[Symbol.asyncDispose]())

const ann = { authorization: 'Bearer key-of-ann-0123456789' }
const ben = { authorization: 'Bearer key-of-ben-0123456789' }
const keys = { MCP_API_KEYS: 'ann:key-of-ann-0123456789,ben:key-of-ben-0123456789', TOOLS: 'default,cancel_job' }

/** No quota, on either side. */
const quick: SimulatorOptions = {
  deployments: { 'FLUX.1-Kontext-pro': { model: 'FLUX.1-Kontext-pro', rpm: 1_000_000 } },
}

/** A replica that runs a job of which Azure has seen a request, and one that does not. */
async function twoReplicas(t: TestContext, prompt: string, { waitMs = 0, isHeld = false } = {}) {
  const set = await prepareReplicas(t, neighbours, keys, quick)
  if (waitMs > 0) set.simulator.faults.next(1, { name: 'rate-limit', ms: waitMs })
  const release = isHeld ? set.simulator.hold() : () => {}
  const runner = await set.start()
  const id = await submitJob(runner, prompt, ann)
  await waitFor('a request', () => set.simulator.requests.length >= 1, { explain: () => runner.log })
  return { ...set, runner, other: await set.start(), id, release }
}

describe('jobs of replicas that share everything', { concurrency: 2 }, () => {
  test('are cancelled at any replica before they are sent', async (t: TestContext) => {
    const { other, id, simulator } = await twoReplicas(t, 'a fox', { waitMs: 120_000 })
    const cancelled = await callTool(other.url, 'cancel_job', { job_id: id }, ann)
    t.assert.match(cancelled.text, /^The job is (cancelled; nothing was generated or billed|being cancelled)/)
    const { text } = await waitFor('the end', async () => {
      const output = await getJob(other, id, 1_000, ann)
      return output.isError && output
    })
    t.assert.match(text, /was cancelled; nothing was generated or billed/)
    t.assert.strictEqual(simulator.requests.length, 1)
  })

  test('are generated and stored if they are cancelled after they were sent', async (t: TestContext) => {
    const { other, id, release } = await twoReplicas(t, 'a fox', { isHeld: true })
    const cancelled = await callTool(other.url, 'cancel_job', { job_id: id }, ann)
    t.assert.match(cancelled.text, /The request has gone to Azure/)
    release()
    const { images } = await waitFor(
      'the image',
      async () => {
        const output = await getJob(other, id, 5_000, ann)
        return output.images.length > 0 && output
      },
      { limitMs: 60_000 },
    )
    t.assert.strictEqual(images.length, 1)
  })

  test('exist at every replica for their caller, and for no other one', async (t: TestContext) => {
    const { runner, other, id } = await twoReplicas(t, 'a fox')
    t.assert.strictEqual((await resultOf(other, id, ann)).images.length, 1)
    t.assert.strictEqual((await getJob(runner, id, 0, ann)).images.length, 1)
    for (const tool of ['get_job', 'cancel_job']) {
      for (const { url } of [runner, other]) {
        const foreign = await callTool(url, tool, { job_id: id }, ben)
        const unknown = await callTool(url, tool, { job_id: `job_${'0'.repeat(32)}` }, ben)
        t.assert.ok(foreign.isError)
        t.assert.strictEqual(foreign.text, unknown.text)
      }
    }
  })

  test('are as many as MAX_QUEUED_JOBS allows, whichever replica they reach', async (t: TestContext) => {
    const { start, simulator } = await prepareReplicas(t, neighbours, { ...keys, MAX_QUEUED_JOBS: '2' }, quick)
    simulator.faults.always('FLUX.1-Kontext-pro', { name: 'rate-limit', ms: 120_000 })
    const [a, b] = [await start(), await start()]
    await submitJob(a, 'one', ann)
    const second = await submitJob(b, 'two', ben)
    const { text } = await callTool(b.url, 'generate_image', { prompt: 'three', job: true }, ann)
    t.assert.match(text, /No further job can be queued: the queue is full/)
    await callTool(a.url, 'cancel_job', { job_id: second }, ben)
    await waitFor('the end of a job', async () => (await getJob(a, second, 1_000, ben)).isError)
    await submitJob(a, 'three', ann)
  })

  test('go to another replica when one shuts down and has sent nothing', async (t: TestContext) => {
    const { runner, other, id, sent } = await twoReplicas(t, 'a fox', { waitMs: 8_000 })
    runner.child.kill('SIGTERM')
    t.assert.strictEqual(await runner.ended, 0, runner.log)
    t.assert.strictEqual((await resultOf(other, id, ann)).images.length, 1, other.log)
    t.assert.strictEqual(sent('a fox'), 1)
  })

  test('run in a worker with the flags of the container, which serves no clients', async (t: TestContext) => {
    const set = await prepareReplicas(t, neighbours, {}, quick)
    const worker = await set.start({ WORKER: 'yes' }, containerFlags({ images: set.environment.IMAGES_DIR }))
    for (const path of ['health', 'ready', 'metrics']) {
      t.assert.strictEqual((await fetch(`${worker.url}/${path}`)).status, 200)
    }
    for (const path of ['', 'mcp', 'images/img_x', 'uploads/x']) {
      t.assert.strictEqual((await fetch(`${worker.url}/${path}`, { method: 'POST', body: '{}' })).status, 404)
    }
    const replica = await set.start()
    const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => submitJob(replica, `image ${n}`)))
    for (const id of ids) t.assert.strictEqual((await resultOf(replica, id)).images.length, 1)
    t.assert.match(worker.log, /"msg":"job ended"/)
    for (const { url } of [worker, replica]) {
      const metrics = await waitFor('the count', async () => {
        const text = await (await fetch(`${url}/metrics`)).text()
        return text.includes('image_mcp_jobs{state="completed"} 20') && text
      })
      t.assert.match(metrics, /^image_mcp_job_oldest_seconds 0$/m)
    }
  })
})

for (const [name, lose] of [
  [
    'Redis is killed and comes back with what it has on its disk',
    async () => {
      await neighbours.redis.crash()
      await neighbours.redis.start()
    },
  ],
  ['Redis loses everything', () => neighbours.redis.run('flushall')],
] as const) {
  test(`50 waiting jobs run once each although ${name}`, async (t: TestContext) => {
    const set = await prepareReplicas(t, neighbours, {}, quick)
    const replica = await set.start()
    set.simulator.faults.always('FLUX.1-Kontext-pro', { name: 'rate-limit', ms: 2_000 })
    const prompts = Array.from({ length: 50 }, (_, n) => `image ${n}`)
    const ids: string[] = []
    for (const prompt of prompts) ids.push(await submitJob(replica, prompt))
    await lose()
    set.simulator.faults.always('FLUX.1-Kontext-pro', 'none')
    await waitFor('Redis', async () => (await readiness(replica)).jobs === 'shared')
    for (const id of ids) {
      const { images, text } = await resultOf(replica, id)
      t.assert.strictEqual(images.length, 1, text)
    }
    t.assert.deepStrictEqual(prompts.map(set.sent), Array(50).fill(1))
  })
}

test('without Redis new jobs are rejected, calls go on, and what is queued runs later', async (t: TestContext) => {
  const set = await prepareReplicas(t, neighbours, {}, quick)
  const replica = await set.start()
  set.simulator.faults.next(1, { name: 'rate-limit', ms: 3_000 })
  const ids = [await submitJob(replica, 'one'), await submitJob(replica, 'two')]
  await neighbours.redis.crash()
  try {
    await waitFor('the loss', async () => (await readiness(replica)).jobs === 'unavailable')
    await t.assert.rejects(callTool(replica.url, 'generate_image', { prompt: 'three', job: true }), {
      message: /"code":503.*Jobs are not available at the moment; retry in 10 s/,
    })
    t.assert.strictEqual((await callTool(replica.url, 'generate_image', { prompt: 'four' })).images.length, 1)
  } finally {
    await neighbours.redis.start()
  }
  for (const id of ids) t.assert.strictEqual((await resultOf(replica, id)).images.length, 1)
  t.assert.deepStrictEqual(['one', 'two', 'three'].map(set.sent), [1, 1, 0])
})

test('an outage of the database makes no job unknown, and ends none that was sent', async (t: TestContext) => {
  const set = await prepareReplicas(t, neighbours, {}, quick)
  const replicas = [await set.start(), await set.start()] as const
  const prompt = 'a fox'
  const release = set.simulator.hold()
  const id = await submitJob(replicas[0], prompt)
  await waitFor('the request', () => set.sent(prompt) === 1)
  await neighbours.postgres.crash()
  release()
  await waitFor('the response', () => set.simulator.requests.every(({ outcome }) => outcome === 'completed'))
  await neighbours.postgres.start()
  t.assert.strictEqual((await resultOf(replicas[1], id)).images.length, 1)
  for (const { log } of replicas) t.assert.doesNotMatch(log, /"outcome":"unknown"/)
  t.assert.strictEqual(set.sent(prompt), 1)
})
