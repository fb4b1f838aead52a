import { after, before, describe, type TestContext, test } from 'node:test'
import {
  getJob,
  type Neighbours,
  prepareReplicas,
  resultOf,
  startNeighbours,
  submitJob,
} from '../support/system/replicas.ts'
import { waitFor } from '../support/wait-for.ts'

let neighbours: Neighbours
before(async () => {
  neighbours = await startNeighbours()
})
after(() => neighbours[Symbol.asyncDispose]())

/** Azure tells the first request to come again, so that a replica that runs the job has sent nothing until the other has started. */
const QUOTA_MS = 40_000

/** A job at replica A, of which Azure has seen a request, which it works on until it is released; then replica B. */
async function jobAtA(t: TestContext, prompt: string, isBeforeFence: boolean) {
  const set = await prepareReplicas(t, neighbours)
  const release = isBeforeFence ? () => {} : set.simulator.hold()
  if (isBeforeFence) set.simulator.faults.next(1, { name: 'rate-limit', ms: QUOTA_MS })
  const a = await set.start()
  const id = await submitJob(a, prompt)
  await waitFor('a request', () => set.simulator.requests.length === 1, { explain: () => a.log })
  return { ...set, a, b: await set.start(), id, release }
}

describe('when the replica that runs a job', { concurrency: 2 }, () => {
  test('is killed before it sends the request, another one runs the job', async (t: TestContext) => {
    const { a, b, id, sent } = await jobAtA(t, 'a fox', true)
    a.child.kill('SIGKILL')
    const { images, text } = await resultOf(b, id)
    t.assert.strictEqual(images.length, 1, text)
    t.assert.strictEqual(sent('a fox'), 1)
  })

  test('is killed after it has sent the request, the outcome is unknown, and no one sends it again', async (t: TestContext) => {
    const { a, b, id, sent } = await jobAtA(t, 'a fox', false)
    a.child.kill('SIGKILL')
    const { text, isError } = await resultOf(b, id)
    t.assert.ok(isError)
    t.assert.match(text, /may have been generated and billed\. The job does not run again/)
    t.assert.strictEqual(sent('a fox'), 1)
  })

  test('is blocked before it sends the request, another one runs the job, and the first sends nothing', async (t: TestContext) => {
    const { a, b, id, sent, simulator } = await jobAtA(t, 'a fox', true)
    a.child.kill('SIGSTOP')
    const { images, text } = await resultOf(b, id)
    t.assert.strictEqual(images.length, 1, text)
    a.child.kill('SIGCONT')
    await waitFor('the first replica to give up', () => /another process runs the job/.test(a.log), {
      explain: () => a.log,
    })
    t.assert.strictEqual(sent('a fox'), 1)
    t.assert.strictEqual(simulator.requests.length, 2)
    t.assert.strictEqual((await getJob(a, id)).images.length, 1)
  })

  test('is blocked after it has sent the request, the job completes when it wakes up', async (t: TestContext) => {
    const { a, b, id, sent, release } = await jobAtA(t, 'a fox', false)
    a.child.kill('SIGSTOP')
    t.assert.match((await resultOf(b, id)).text, /may have been generated and billed/)
    release()
    a.child.kill('SIGCONT')
    await waitFor('the image', async () => (await getJob(b, id)).images.length === 1, { explain: () => a.log })
    t.assert.strictEqual(sent('a fox'), 1)
  })
})
