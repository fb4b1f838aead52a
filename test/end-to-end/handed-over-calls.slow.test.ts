import { describe, type TestContext, test } from 'node:test'
import type { Environment } from '../../services/config/environment.ts'
import type { SimulatorOptions } from '../../simulator/app.ts'
import type { FaultDetails } from '../../simulator/fault.ts'
import { connectRaw } from '../support/raw-client.ts'
import { callTool, post, startService } from '../support/service.ts'
import { waitFor } from '../support/wait-for.ts'

const prompt = 'a red fox'
const jobIn = (text: string) => /Job id: (job_[0-9a-f]{32});/.exec(text)?.[1] ?? ''
const mcp = { 'mcp-protocol-version': '2025-11-25' }

/** A service whose calls are handed over after a second. */
async function start(t: TestContext, environment: Environment = {}, simulation: SimulatorOptions = {}) {
  const variables = { HANDOFF_AFTER_MS: '1000', TOOLS: 'default,cancel_job', ...environment }
  const service = await startService(t, variables, simulation)
  const generate = (args: object = {}, headers: Record<string, string> = mcp) =>
    callTool(service.url, 'generate_image', { prompt, ...args }, headers)
  const use = async (tool: string, args: object) => (await callTool(service.url, tool, args)).text
  return { ...service, generate, use }
}

/** Only the first call of a minute is sent; the others wait. */
const onePerMinute = { rpm: 1 }
/** A client whose calls are never handed over, however long they take. */
const plain = {}
/** Azure rejects a request, and the call waits in the queue until it is handed over. */
const waits: FaultDetails = { name: 'rate-limit', ms: 2_000 }

describe('a handed-over call', () => {
  test('that waits in the queue is cancelled, and its image counts nowhere', async (t: TestContext) => {
    const { generate, use, simulator } = await start(t, { IMAGES_PER_DAY: '2' }, onePerMinute)
    t.assert.strictEqual((await generate({ prompt: 'first' }, plain)).images.length, 1)
    const job_id = jobIn((await generate()).text)
    t.assert.match(await use('get_job', { job_id }), /still being generated/)
    t.assert.strictEqual(await use('cancel_job', { job_id }), 'The job is cancelled; nothing was generated or billed.')
    t.assert.match(await use('get_job', { job_id }), /^The job was cancelled; nothing was generated or billed\.$/)
    t.assert.notStrictEqual(jobIn((await generate({ job: true })).text), '', 'the daily quota has its image again')
    t.assert.strictEqual(simulator.requests.length, 1)
  })

  test('that was sent is not cancelled, and that is what the client reads', async (t: TestContext) => {
    const { generate, use, simulator } = await start(t)
    const release = simulator.hold()
    const job_id = jobIn((await generate()).text)
    t.assert.match(await use('cancel_job', { job_id }), /^The request has gone to Azure/)
    release()
    t.assert.match(await use('get_job', { job_id, wait_ms: 20_000 }), /^Image successfully generated\./)
  })

  test('goes on although its client has disconnected since', async (t: TestContext) => {
    const { url, use, simulator } = await start(t)
    simulator.faults.next(1, waits)
    const client = await connectRaw(t, url)
    const params = { name: 'generate_image', arguments: { prompt } }
    client.post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }), mcp)
    const { body } = await client.response()
    client.reset()
    const job_id = jobIn(body)
    t.assert.match(await use('get_job', { job_id, wait_ms: 20_000 }), /^Image successfully generated\./)
    t.assert.strictEqual(simulator.requests.length, 2)
  })

  test('that failed without being sent leaves its idempotency key free', async (t: TestContext) => {
    const { generate, use, simulator } = await start(t)
    simulator.faults.next(1, { ...waits, ms: 8_000 })
    simulator.faults.next(1, 'unauthorized')
    const first = jobIn((await generate({ idempotency_key: 'k' })).text)
    t.assert.strictEqual(jobIn((await generate({ idempotency_key: 'k' })).text), first, 'it waits')
    t.assert.match(await use('get_job', { job_id: first, wait_ms: 20_000 }), /^Azure rejected the credential/)
    simulator.faults.next(1, waits)
    const second = jobIn((await generate({ idempotency_key: 'k' })).text)
    t.assert.match(second, /^job_/)
    t.assert.notStrictEqual(second, first)
  })

  test('that was cancelled before it was sent leaves its idempotency key free', async (t: TestContext) => {
    const { generate, use } = await start(t, {}, onePerMinute)
    await generate({ prompt: 'first' }, plain)
    const first = jobIn((await generate({ idempotency_key: 'k' })).text)
    await use('cancel_job', { job_id: first })
    const second = jobIn((await generate({ idempotency_key: 'k' })).text)
    t.assert.match(second, /^job_/)
    t.assert.notStrictEqual(second, first)
  })
})

test('each call of a batch is handed over by itself', async (t: TestContext) => {
  const { url, use, simulator } = await start(t)
  const call = (id: number, arguments_: object) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'generate_image', arguments: arguments_ },
  })
  const batch = [call(1, { prompt: '' }), call(2, { prompt: 'a' }), call(3, { prompt: 'b' })]
  const release = simulator.hold()
  const { response } = await post(url, JSON.stringify(batch), { 'mcp-protocol-version': '2025-03-26' })
  const texts = Object.values(response).map(({ result }) => Object(result).content[0].text)
  t.assert.doesNotMatch(texts[0], /Job id/)
  release()
  for (const text of texts.slice(1)) {
    t.assert.match(await use('get_job', { job_id: jobIn(text), wait_ms: 20_000 }), /^Image successfully generated\./)
  }
  t.assert.notStrictEqual(texts[1], texts[2])
})

describe('a job', () => {
  test('that is cancelled during its turn before anything was sent returns its image to the daily quota', async (t: TestContext) => {
    const { generate, use, simulator } = await start(t, { IMAGES_PER_DAY: '2' }, onePerMinute)
    await generate({ prompt: 'first' }, plain)
    const job_id = jobIn((await generate({ job: true })).text)
    await waitFor('its turn', async () => (await use('get_job', { job_id })) !== '' || undefined)
    for (let time = 0; time < 3; time++) {
      t.assert.match(await use('cancel_job', { job_id }), /^The job (is cancelled|has ended before \(cancelled\))/)
    }
    t.assert.match((await generate({ job: true })).text, /Job id/)
    await t.assert.rejects(generate({ prompt: 'one too many', job: true }), /Daily image quota/)
    t.assert.strictEqual(simulator.requests.length, 1)
  })

  for (const [how, isReset] of [
    ['that its client cannot have read', true],
    ['of which nothing shows that its client has read it', false],
  ] as const) {
    test(`whose id was sent in a response ${how} is joined by the identical call on a new connection`, async (t: TestContext) => {
      const { url, generate, simulator, logs } = await start(t, {}, { latencyMs: 300 })
      const client = await connectRaw(t, url)
      const params = { name: 'generate_image', arguments: { prompt, job: true } }
      client.post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }))
      const { body } = await client.response()
      const lost = jobIn(body)
      await waitFor('the end of the response', () => logs.text.includes('"msg":"request completed"'))
      if (isReset) client.reset()
      const again = await generate({ job: true })
      t.assert.strictEqual(jobIn(again.text), lost, again.text)
      t.assert.match(again.text, /nothing was paid again for it/)
      const next = jobIn((await generate({ job: true })).text)
      t.assert.notStrictEqual(next, lost, 'what was delivered is not repeated')
      await waitFor('both images', () => simulator.requests.length === 2)
    })
  }
})
