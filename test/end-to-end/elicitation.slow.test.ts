import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Environment } from '../../services/config/environment.ts'
import { accepted, greet, textOf } from '../support/handshake-client.ts'
import { png } from '../support/images/images.ts'
import { startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const keys = { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789', RATE_LIMIT_PER_MINUTE: '0' }
const as = (name: string) => ({ 'x-api-key': `key-of-${name}-0123456789` })
const low = { prompt: 'A red boat', quality: 'low' }
const yes = accepted({ confirm: true })
const NOT_CONFIRMED = 'The price was not confirmed, so nothing was sent or billed.'

/** A service whose price must be confirmed, with a budget for one image at a time. */
async function start(t: TestContext, environment: Environment = {}, questionMs = 60_000) {
  const path = join(await temporaryFolder(t), 'policy.json')
  const rules = [{ name: 'dear', confirm_above_usd: 0.001, usd_per_day: 50 }]
  await writeFile(path, JSON.stringify({ rules }))
  const variables = { ...keys, AZURE_DEPLOYMENT_NAME: 'gpt-image-2', POLICY_FILE: path, ...environment }
  const service = await startService(t, variables, {}, { timing: { questionMs } })
  const connect = (name = 'ann') => greet(service.url, { headers: as(name) })
  const metric = async (pattern: RegExp) => Number(pattern.exec((await service.app.inject('/metrics')).body)?.[1])
  return {
    ...service,
    connect,
    sent: () => service.simulator.requests.length,
    /** Spent and reserved. */
    spentUsd: async () =>
      (await metric(/^image_mcp_budget_usd\{rule="dear",period="day",kind="spent"\} (\S+)$/m)) +
      (await metric(/^image_mcp_budget_usd\{rule="dear",period="day",kind="reserved"\} (\S+)$/m)),
    inFlight: () => metric(/^image_mcp_tool_calls_in_flight (\d+)$/m),
  }
}

test('while a price waits for its confirmation nothing is sent, reserved or running; then the image is made once', async (t: TestContext) => {
  const { connect, sent, spentUsd, inFlight } = await start(t)
  const client = await connect()
  const call = await client.call('generate_image', low)
  const question = await call.question()
  t.assert.match(question.params.message, /^Generate an image with gpt-image-2\? It costs about US\$/)
  t.assert.deepStrictEqual([sent(), await spentUsd(), await inFlight()], [0, 0, 0])
  for (let n = 0; n < 5; n++) t.assert.strictEqual(await client.answer(question, yes), 202)
  const { result } = await call.response()
  t.assert.strictEqual(result.content[1].type, 'image')
  t.assert.strictEqual(sent(), 1)
  await waitFor('the budget', async () => (await spentUsd()) > 0)
})

for (const [what, answer] of [
  ['declines', { action: 'decline' }],
  ['cancels', { action: 'cancel' }],
  ['says no', accepted({ confirm: false })],
] as const) {
  test(`a user who ${what} pays nothing`, async (t: TestContext) => {
    const { connect, sent, spentUsd } = await start(t)
    const client = await connect()
    const call = await client.call('generate_image', low)
    await client.answer(await call.question(), answer)
    t.assert.strictEqual(textOf(await call.response()), NOT_CONFIRMED)
    t.assert.deepStrictEqual([sent(), await spentUsd()], [0, 0])
  })
}

test('a user who does not respond in time pays nothing, also with a late yes', async (t: TestContext) => {
  const { connect, sent } = await start(t, {}, 50)
  const client = await connect()
  const call = await client.call('generate_image', low)
  const question = await call.question()
  t.assert.strictEqual(textOf(await call.response()), NOT_CONFIRMED)
  t.assert.strictEqual(await client.answer(question, yes), 202)
  t.assert.strictEqual(sent(), 0)
})

test('a client that disconnects while it is asked pays nothing, also with a late yes', async (t: TestContext) => {
  const { connect, sent, spentUsd, app } = await start(t)
  const client = await connect()
  const call = await client.call('generate_image', low)
  const question = await call.question()
  call.stream.disconnect()
  await waitFor('the end', async () => {
    const { body } = await app.inject('/metrics')
    return /rpc_requests_total\{method="tools\/call",outcome="cancelled"\} 1/.test(body)
  })
  t.assert.strictEqual(await client.answer(question, yes), 202)
  t.assert.deepStrictEqual([sent(), await spentUsd()], [0, 0])
})

test('another caller confirms nothing', async (t: TestContext) => {
  const { connect, sent } = await start(t, {}, 1_000)
  const client = await connect()
  const call = await client.call('generate_image', low)
  t.assert.strictEqual(await client.answer(await call.question(), yes, as('bob')), 202)
  t.assert.strictEqual(textOf(await call.response()), NOT_CONFIRMED)
  t.assert.strictEqual(sent(), 0)
})

test('a client that cannot respond gets the code for its next call', async (t: TestContext) => {
  const { connect, sent } = await start(t)
  const client = await connect()
  const call = await client.call('generate_image', low)
  await client.send({ id: (await call.question()).id, error: { code: -32601, message: 'unknown' } })
  const code = /"confirm_cost": "(c_\w{12})"/.exec(textOf(await call.response()))?.[1]
  const again = await client.call('generate_image', { ...low, confirm_cost: code })
  t.assert.strictEqual((await again.response()).result.content[1].type, 'image')
  t.assert.strictEqual(sent(), 1)
})

test('two calls with one idempotency key that are both confirmed are paid for once', async (t: TestContext) => {
  const { connect, sent } = await start(t)
  const client = await connect()
  const args = { ...low, idempotency_key: 'boat-1' }
  const calls = [await client.call('generate_image', args), await client.call('generate_image', args)] as const
  const questions = [await calls[0].question(), await calls[1].question()]
  for (const question of questions) await client.answer(question, yes)
  for (const call of calls) t.assert.strictEqual((await call.response()).result.content[1].type, 'image')
  t.assert.strictEqual(sent(), 1)
})

test('an image that came with the call is still there after the question, and a job is asked before it begins', async (t: TestContext) => {
  const { connect, sent, simulator } = await start(t)
  const client = await connect()
  const image = (await png(256, 256)).toString('base64')
  const edit = await client.call('edit_image', { ...low, image_data_base64: image })
  await client.answer(await edit.question(), yes)
  t.assert.strictEqual((await edit.response()).result.content[1].type, 'image')
  t.assert.match(simulator.requests[0]?.url ?? '', /edits/)
  const job = await client.call('generate_image', { ...low, job: true })
  await client.answer(await job.question(), yes)
  t.assert.match(textOf(await job.response()), /Job id: job_/)
  await waitFor('the job', () => sent() === 2)
})

test('what a client of 2025-11-25 answers in its call is stored for no repetition, since it never comes again', async (t: TestContext) => {
  const kontext = { ...keys, AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro', AZURE_API_DIALECT: 'bfl' }
  const { url, app } = await startService(t, kontext)
  const client = await greet(url, { headers: as('ann') })
  const args = { prompt: 'a fox', size: '1024x1024', aspect_ratio: '16:9' }
  const call = await client.call('generate_image', args)
  await client.answer(await call.question(), accepted({ size: '16:9' }))
  t.assert.match(textOf(await call.response()), /^Image successfully generated/)
  t.assert.deepStrictEqual(await app.stateDatabase?.run('SELECT key FROM state.idempotent_calls', []), [])
})
