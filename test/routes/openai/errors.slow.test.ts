import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { CreateAppOptions } from '../../../app.ts'
import { toOpenAiError } from '../../../routes/openai/errors.ts'
import { createRetries } from '../../../routes/openai/retries.ts'
import type { Environment } from '../../../services/config/environment.ts'
import { Rejection } from '../../../services/errors/rejection.ts'
import { listen } from '../../support/app.ts'
import { fakeAzure, fileOf } from '../../support/fake-azure.ts'
import { postJson, key as simulatedKey, startSimulator } from '../../support/simulator.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'

/** What failed requests of the second door say, by which OpenAI's clients decide whether they repeat them. */

async function openDoor(
  t: TestContext,
  environment: Environment = {},
  { latencyMs = 0, ...options }: Partial<CreateAppOptions> & { latencyMs?: number } = {},
) {
  const { url: azure, simulator } = await startSimulator(t, { latencyMs })
  const built = await listen(t, { AZURE_BASE_URL: azure, AZURE_API_KEY: simulatedKey, ...environment }, options)
  const send = (body: object = {}) => postJson(`${built.url}/v1/images/generations`, { prompt: 'a kite', ...body })
  return { ...built, azure, simulator, send }
}

function checkWait(t: TestContext, { headers }: Response): void {
  const ms = Number(headers.get('retry-after-ms'))
  t.assert.ok(ms > 0 && ms <= 60_000, `${ms} ms`)
  t.assert.strictEqual(headers.get('retry-after'), String(Math.ceil(ms / 1000)))
  t.assert.strictEqual(headers.get('x-should-retry'), null)
}

describe('where nothing was sent', () => {
  test('a limit is 429 with the time to wait, in seconds and in milliseconds', async (t: TestContext) => {
    const { send, simulator } = await openDoor(t, { TOOL_CALLS_PER_MINUTE: '1' })
    await (await send()).text()
    const response = await send({ prompt: 'another' })
    t.assert.strictEqual(response.status, 429)
    checkWait(t, response)
    const { error } = JSON.parse(await response.text())
    t.assert.partialDeepStrictEqual(error, { type: 'rate_limit_error', code: 'rate_limit_exceeded' })
    t.assert.strictEqual(simulator.requests.length, 1)
  })

  test('load is 503 with the time to wait', async (t: TestContext) => {
    const { send, simulator } = await openDoor(t, { MAX_CONCURRENT_CALLS: '1' })
    const release = simulator.hold()
    const first = send()
    await waitFor('the first call at Azure', () => simulator.requests.length === 1)
    const response = await send({ prompt: 'another' })
    t.assert.strictEqual(response.status, 503)
    checkWait(t, response)
    t.assert.partialDeepStrictEqual(JSON.parse(await response.text()).error, {
      type: 'server_error',
      code: 'unavailable',
    })
    release()
    t.assert.strictEqual((await first).status, 200)
    t.assert.strictEqual(simulator.requests.length, 1)
  })

  test('a wait that clients would cut short ends their repetitions', (t: TestContext) => {
    const nothingSent = { id: 'r1', sentRequests: 0 }
    const after = (retryAfterMs: number) => toOpenAiError(new Rejection(429, 'Wait.', { retryAfterMs }), nothingSent)
    t.assert.partialDeepStrictEqual(after(60_000), { status: 429, retryAfterMs: 60_000, isFinal: false })
    t.assert.partialDeepStrictEqual(after(60_001), { status: 429, retryAfterMs: 60_001, isFinal: true })
  })
})

test('what the shutdown cuts off after sending is final, and its image is not paid for again', async (t: TestContext) => {
  const { app, send, simulator } = await openDoor(t, { SHUTDOWN_GRACE_MS: '200' }, { latencyMs: 60_000 })
  const cut = send()
  await waitFor('the call at Azure', () => simulator.requests.length === 1)
  const closed = app.close()
  const response = await cut
  t.assert.strictEqual(response.status, 424)
  t.assert.strictEqual(response.headers.get('x-should-retry'), 'false')
  t.assert.strictEqual(response.headers.get('retry-after'), null)
  t.assert.match(JSON.parse(await response.text()).error.message, /\w/)
  await closed
  t.assert.strictEqual(simulator.requests.length, 1)
})

test('a failure after a stream began is an event with the error, the last one', async (t: TestContext) => {
  const fail = Promise.withResolvers<void>()
  const azure = await fakeAzure(t, async (_request, response) => {
    await fail.promise
    response.writeHead(500, { 'content-type': 'text/html' }).end('<p>oops</p>')
  })
  const { send } = await openDoor(t, { AZURE_BASE_URL: azure.url }, { timing: { streamAfterMs: 20 } })
  const response = await send({ stream: true })
  t.assert.strictEqual(response.status, 200)
  fail.resolve()
  const events = (await response.text()).split('\n\n').filter((event) => event !== '' && !event.startsWith(':'))
  t.assert.strictEqual(events.length, 1)
  const [name, data = ''] = (events[0] ?? '').split('\n')
  t.assert.strictEqual(name, 'event: error')
  const { error } = JSON.parse(data.slice('data: '.length))
  t.assert.strictEqual(error.type, 'server_error')
  t.assert.match(error.code, /^azure_/)
  t.assert.strictEqual(azure.seen.length, 1)
})

test('the models of a caller are those that its rules allow', async (t: TestContext) => {
  const { url: azure } = await startSimulator(t)
  const names = ['FLUX.2-pro', 'gpt-image-1']
  const deployments = names.map((name) => ({ name, base_url: azure, key: simulatedKey }))
  const models = async (mode: string, user: string, path = '') => {
    const POLICY_FILE = join(await temporaryFolder(t), 'policy.json')
    const rules = [{ name: 'interns', callers: ['ann'], models: ['FLUX.2-pro'] }]
    await writeFile(POLICY_FILE, JSON.stringify({ mode, rules }))
    const { url } = await listen(t, {
      AZURE_BASE_URL: undefined,
      AZURE_API_KEY: undefined,
      AZURE_DEPLOYMENT_NAME: undefined,
      AZURE_DEPLOYMENTS_FILE: await fileOf(t, { deployments }),
      MCP_API_KEYS: `ann:${'a'.repeat(40)},bob:${'b'.repeat(40)}`,
      POLICY_FILE,
    })
    const response = await fetch(`${url}/v1/models${path}`, { headers: { authorization: `Bearer ${user.repeat(40)}` } })
    const body = JSON.parse(await response.text())
    return path === '' ? body.data.map(({ id }: { id: string }) => id) : [response.status, body.error?.code]
  }
  t.assert.deepStrictEqual(await models('enforce', 'a'), ['FLUX.2-pro'])
  t.assert.deepStrictEqual(await models('enforce', 'a', '/gpt-image-1'), [404, 'model_not_found'])
  t.assert.deepStrictEqual(await models('enforce', 'b'), names)
  t.assert.deepStrictEqual(await models('observe', 'a'), names)
})

test('an unknown path is named in the error, however long it is, with its beginning only', async (t: TestContext) => {
  const { url } = await openDoor(t)
  for (const path of ['/v1/files', `/v1/${'x'.repeat(8_000)}`, `/v1/models/${'y'.repeat(8_000)}`]) {
    const response = await fetch(`${url}${path}?q=${'z'.repeat(500)}`)
    const text = await response.text()
    t.assert.strictEqual(response.status, 404)
    t.assert.partialDeepStrictEqual(JSON.parse(text).error, { type: 'invalid_request_error' })
    t.assert.ok(text.length < 600 && !text.includes('zzz'), text.slice(0, 700))
  }
})

test('a repetition proves nothing for as long as it may follow an error', (t: TestContext) => {
  let now = 0
  const retries = createRetries(() => now)
  const requestOf = (id: string, count?: string) => ({
    caller: { id },
    headers: count === undefined ? {} : { 'x-stainless-retry-count': count },
  })
  const isRetry = (id: string, count?: string) => retries.isRetry(requestOf(id, count))
  t.assert.strictEqual(isRetry('ann'), undefined)
  t.assert.deepStrictEqual(
    ['0', '1', '2', '', '-1', '01', '1, 1', 'x', '1'.repeat(5)].map((count) => isRetry('ann', count)),
    [false, true, true, false, false, false, false, false, false],
  )
  retries.noteError(requestOf('ann'))
  now = 69_999
  t.assert.strictEqual(isRetry('ann', '1'), false)
  t.assert.strictEqual(isRetry('bob', '1'), true)
  now = 70_000
  t.assert.strictEqual(isRetry('ann', '1'), true)
})
