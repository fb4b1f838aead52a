import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { listen } from '../support/app.ts'
import { callTool } from '../support/service.ts'
import { key as azureKey, startSimulator } from '../support/simulator.ts'
import { storedResults } from '../support/stored-results.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const note = /your earlier call with the same idempotency key; nothing was paid again/
const ann = { 'x-api-key': 'key-of-ann' }
const requested = { prompt: 'a lighthouse', size: '256x256', idempotency_key: 'k1' }

/** Two instances of the service on one folder, and so with one state database. */
async function startTwo(t: TestContext, environment: Record<string, string> = {}, latencyMs = 0) {
  const { simulator, url } = await startSimulator(t, { latencyMs })
  const images = join(await temporaryFolder(t), 'images')
  await mkdir(images)
  const start = () =>
    listen(t, {
      AZURE_BASE_URL: url,
      AZURE_API_KEY: azureKey,
      MCP_API_KEYS: 'ann:key-of-ann,bob:key-of-bob',
      IMAGES_DIR: images,
      ...environment,
    })
  const [one, other] = [await start(), await start()]
  const callAt = async ({ url }: { url: string }, args: object = requested, headers = ann) =>
    await callTool(url, 'generate_image', args, headers)
  return { simulator, images, one, other, callAt }
}

describe('an idempotency key at two processes', () => {
  test('used at both at the same moment makes one call, whose result both get', async (t: TestContext) => {
    const { simulator, one, other, callAt } = await startTwo(t, {}, 150)
    const results = await Promise.all([callAt(one), callAt(other), callAt(other), callAt(one)])
    t.assert.equal(simulator.requests.length, 1)
    for (const { images } of results) t.assert.deepEqual(images, results[0].images)
    t.assert.equal(results.filter(({ text }) => note.test(text)).length, 3)
    t.assert.ok(results.every(({ text }) => text.split('nothing was paid again').length <= 2))
  })

  test('used later at the other one repeats the result, also after delivery, with its whole text', async (t: TestContext) => {
    const { simulator, one, other, callAt } = await startTwo(t)
    const named = { ...requested, output_path: 'tower.png' }
    const first = await callAt(one, named)
    for (const process of [other, one, other]) {
      const again = await callAt(process, named)
      t.assert.match(again.text, /Saved to server at: .*tower\.png\n/)
      t.assert.match(again.text, note)
      t.assert.match(again.text, /Image id: img_/)
      t.assert.deepEqual(again.images, first.images)
    }
    t.assert.equal(simulator.requests.length, 1)
  })

  test('is rejected at the other one with other arguments, and is another key for another caller', async (t: TestContext) => {
    const { simulator, one, other, callAt } = await startTwo(t)
    await callAt(one)
    const changed = await callAt(other, { ...requested, prompt: 'a mill' })
    t.assert.match(changed.text, /was used for a call with other arguments/)
    const bob = await callAt(other, { ...requested, prompt: 'a mill' }, { 'x-api-key': 'key-of-bob' })
    t.assert.equal(bob.images.length, 1)
    t.assert.equal(simulator.requests.length, 2)
  })

  test('of a call that failed can be used again', async (t: TestContext) => {
    const { simulator, one, other, callAt } = await startTwo(t)
    const failing = { ...requested, prompt: 'a cat fault:bad-gateway-html' }
    t.assert.equal((await callAt(one, failing)).isError, true)
    const before = simulator.requests.length
    t.assert.equal((await callAt(other, failing)).isError, true)
    t.assert.ok(simulator.requests.length > before)
  })

  test('of a call whose image the library did not get repeats it from the file of the process that made it', async (t: TestContext) => {
    const { simulator, images, one, other, callAt } = await startTwo(t, { LIBRARY_WAIT_MS: '1' })
    const large = { ...requested, size: '1024x1024' }
    const first = await callAt(one, large)
    t.assert.match(first.text, /Not in the library/)
    await waitFor('its file', async () => (await storedResults(images, 'idempotent')).length === 1)
    for (const process of [one, other, other]) {
      const again = await callAt(process, large)
      t.assert.match(again.text, note)
      t.assert.deepEqual(again.images, first.images)
    }
    t.assert.equal(simulator.requests.length, 1)
  })

  test('of a call that became a job names the same job', async (t: TestContext) => {
    const { simulator, one, other, callAt } = await startTwo(t)
    const [first, again] = [
      await callAt(one, { ...requested, job: true }),
      await callAt(other, { ...requested, job: true }),
    ]
    const jobOf = (text: string) => /job_\w+/.exec(text)?.[0]
    t.assert.equal(jobOf(again.text), jobOf(first.text))
    const done = await callTool(other.url, 'get_job', { job_id: jobOf(first.text), wait_ms: 5000 }, ann)
    t.assert.equal(done.images.length, 1)
    t.assert.equal(simulator.requests.length, 1)
  })

  test('whose image was deleted is still not paid for again', async (t: TestContext) => {
    const { simulator, one, other, callAt } = await startTwo(t, { TOOLS: 'generate_image,delete_image' })
    const { text } = await callAt(one)
    const id = /img_\w{26}/.exec(text)?.[0]
    await callTool(other.url, 'delete_image', { id }, ann)
    const again = await callAt(other)
    t.assert.match(again.text, /has been deleted/)
    t.assert.equal(simulator.requests.length, 1)
  })
})
