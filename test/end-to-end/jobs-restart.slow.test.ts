import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startProcess } from '../support/process.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { getJob, resultOf, submitJob } from '../support/system/replicas.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const script = join(import.meta.dirname, '../support/system/eager-replica.ts')
const model = 'FLUX.1-Kontext-pro'

/** A process with jobs of which one has been sent and the others wait; how it is ended; and its successor. */
async function restart(t: TestContext, signal: 'SIGKILL' | 'SIGTERM') {
  const { simulator, url } = await startSimulator(t, { deployments: { [model]: { model, rpm: 1_000_000 } } })
  const environment = {
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    IMAGES_DIR: await temporaryFolder(t),
    SHUTDOWN_GRACE_MS: '300',
    TOOLS: 'default,cancel_job',
  }
  const first = await startProcess(t, environment, [], { script })
  const sent = await submitJob(first, 'sent fault:slow=60000')
  await waitFor('the request', () => simulator.requests.length === 1)
  simulator.faults.always(model, { name: 'rate-limit', ms: 120_000 })
  const submit = (prompt: string) => submitJob(first, prompt)
  const prompts = Array.from({ length: 20 }, (_, n) => `waiting ${n}`)
  const rejected = await submit('waiting 0')
  // From then on the deployment is blocked, so that nothing but the first request is on its way to Azure.
  await waitFor('the rejection', () => first.log.includes('IMG_ERR_AZURE_RATE_LIMIT'))
  const waiting = [rejected, ...(await Promise.all(prompts.slice(1).map(submit)))]
  first.child.kill(signal)
  const code = await first.ended
  simulator.faults.always(model, 'none')
  const second = await startProcess(t, environment, [], { script })
  const requestsOf = (prompt: string) =>
    simulator.requests.filter(({ fields, status }) => fields.prompt === prompt && (status ?? 200) === 200).length
  return { second, sent, prompts, waiting, requestsOf, code }
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(`after ${signal} queued jobs run in the next process, and one that was sent does not`, async (t: TestContext) => {
    const { second, sent, prompts, waiting, requestsOf, code } = await restart(t, signal)
    t.assert.strictEqual(code, signal === 'SIGKILL' ? null : 0)
    for (const id of waiting) {
      const { images, text } = await resultOf(second, id)
      t.assert.strictEqual(images.length, 1, text)
    }
    t.assert.match((await resultOf(second, sent)).text, /may have been generated and billed/)
    t.assert.deepStrictEqual(prompts.map(requestsOf), Array(prompts.length).fill(1))
    t.assert.strictEqual(requestsOf('sent fault:slow=60000'), 1)
    t.assert.ok((await getJob(second, sent)).isError)
  })
}
