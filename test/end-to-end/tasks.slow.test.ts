import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { listen } from '../support/app.ts'
import { idIn } from '../support/library-round.ts'
import { type ModernOptions, modernRequest, TASKS, withTasks } from '../support/modern-client.ts'
import { callTool, startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const generate = (url: string, args: object, options?: ModernOptions) =>
  modernRequest(url, 'tools/call', { name: 'generate_image', arguments: { prompt: 'a red fox', ...args } }, options)

const get = async (url: string, taskId: string, options?: ModernOptions) =>
  (await modernRequest(url, 'tasks/get', { taskId }, options)).result

/** Polls as clients do until the task has ended. */
async function settled(url: string, taskId: string, options?: ModernOptions) {
  for (;;) {
    const task = await get(url, taskId, options)
    if (task.status !== 'working') return task
    await pause(20)
  }
}

test('a paid call of a client that declares Tasks becomes a task, whose result is that of the call', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  const created = await generate(url, {})
  const { taskId, createdAt, lastUpdatedAt, pollIntervalMs, _meta, ...rest } = created.result
  t.assert.match(taskId, /^job_[0-9a-f]{32}$/)
  t.assert.match(createdAt, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  t.assert.ok(pollIntervalMs >= 1000 && pollIntervalMs <= 10_000)
  t.assert.partialDeepStrictEqual(rest, { resultType: 'task', status: 'working', ttlMs: 86_400_000 })
  t.assert.match(rest.statusMessage, /about \d+ s\.$/)
  const done = await settled(url, taskId)
  t.assert.strictEqual(done.resultType, 'complete')
  t.assert.strictEqual(done.status, 'completed')
  t.assert.ok(done.lastUpdatedAt >= lastUpdatedAt)
  const { content, isError } = done.result
  t.assert.strictEqual(isError, undefined)
  t.assert.strictEqual(content[0].text, 'Image successfully generated.')
  t.assert.strictEqual(content[1].type, 'image')
  t.assert.match(idIn(JSON.stringify(content)), /^img_/)
  t.assert.deepStrictEqual((await get(url, taskId)).result, done.result, 'as often as asked')
  t.assert.strictEqual(simulator.requests.length, 1)
  const job = await callTool(url, 'get_job', { job_id: taskId })
  t.assert.deepStrictEqual(job.content, content, 'get_job knows it by the same id')
})

test('a client that does not declare Tasks gets its image, and no method of Tasks', async (t: TestContext) => {
  const { url } = await startService(t)
  const direct = await generate(url, {}, { capabilities: {} })
  t.assert.strictEqual(direct.result.resultType, 'complete')
  t.assert.strictEqual(direct.result.content[1].type, 'image')
  const { taskId } = (await generate(url, {})).result
  for (const [method, more] of [
    ['tasks/get', {}],
    ['tasks/update', { inputResponses: {} }],
    ['tasks/cancel', {}],
  ] as const) {
    const { status, error } = await modernRequest(url, method, { taskId, ...more }, { capabilities: {} })
    t.assert.strictEqual(status, 400)
    t.assert.partialDeepStrictEqual(error, {
      code: -32021,
      data: { requiredCapabilities: { extensions: { [TASKS]: {} } } },
    })
  }
})

test('what a client requests as a job, and what costs nothing, is answered plainly', async (t: TestContext) => {
  const { url } = await startService(t)
  const submitted = await generate(url, { job: true })
  t.assert.strictEqual(submitted.result.resultType, 'complete')
  t.assert.match(submitted.result.content[0].text, /Job id: job_/)
  const found = await modernRequest(url, 'tools/call', { name: 'find_images', arguments: {} })
  t.assert.strictEqual(found.result.resultType, 'complete')
  const wrong = await generate(url, { size: 'huge' })
  t.assert.partialDeepStrictEqual(wrong.result, { resultType: 'complete', isError: true })
})

test('what Azure refuses is the result of a completed task, with isError', async (t: TestContext) => {
  const { url } = await startService(t)
  const { taskId } = (await generate(url, { prompt: 'fault:content-filter' })).result
  const done = await settled(url, taskId)
  t.assert.strictEqual(done.status, 'completed')
  t.assert.strictEqual(done.result.isError, true)
  t.assert.strictEqual(done.result.content[0].text, done.statusMessage)
})

test("a task exists for its caller only: another caller's id is answered as an unknown one", async (t: TestContext) => {
  const { url } = await startService(t, { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789' })
  const [ann, bob] = [{ key: 'key-of-ann-0123456789' }, { key: 'key-of-bob-0123456789' }]
  const { taskId } = (await generate(url, {}, ann)).result
  const unknown = `job_${'0'.repeat(32)}`
  for (const [method, more] of [
    ['tasks/get', {}],
    ['tasks/update', { inputResponses: {} }],
    ['tasks/cancel', {}],
  ] as const) {
    const own = await modernRequest(url, method, { taskId, ...more }, ann)
    t.assert.strictEqual(own.error, undefined)
    const foreign = await modernRequest(url, method, { taskId, ...more }, bob)
    const missing = await modernRequest(url, method, { taskId: unknown, ...more }, bob)
    t.assert.strictEqual(foreign.error?.code, -32602)
    t.assert.deepStrictEqual(foreign, missing)
  }
})

for (const [what, taskId] of [
  ['no id of a job', 'task-1'],
  ['empty', ''],
  ['the name of a member of every object', '__proto__'],
] as const) {
  test(`a task id that is ${what} is unknown`, async (t: TestContext) => {
    const { url } = await listen(t)
    const { error } = await modernRequest(url, 'tasks/get', { taskId })
    t.assert.strictEqual(error?.code, -32602)
  })
}

test('a task whose request Azure has cannot be cancelled: it says so, and its image is stored', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  const release = simulator.hold()
  const { taskId } = (await generate(url, {})).result
  await waitFor('the request to Azure', () => simulator.requests.length === 1)
  const { result } = await modernRequest(url, 'tasks/cancel', { taskId })
  t.assert.deepStrictEqual(Object.keys(result).sort(), ['_meta', 'resultType'])
  const task = await get(url, taskId)
  t.assert.strictEqual(task.status, 'working')
  t.assert.match(task.statusMessage, /^Too late to cancel: .* billed and stored\.$/)
  release()
  const done = await settled(url, taskId)
  t.assert.strictEqual(done.result.content[1].type, 'image')
  t.assert.strictEqual((await modernRequest(url, 'tasks/cancel', { taskId })).error, undefined)
  t.assert.strictEqual((await get(url, taskId)).status, 'completed')
})

test('the header names the task, as the body does', async (t: TestContext) => {
  const { url } = await startService(t)
  const { taskId } = (await generate(url, {})).result
  const other = await modernRequest(url, 'tasks/get', { taskId }, { headers: { 'mcp-name': 'job_1' } })
  t.assert.deepStrictEqual([other.status, other.error?.code], [400, -32020])
})

test('Tasks exist in the modern revision only, and without the old methods', async (t: TestContext) => {
  const { url } = await listen(t)
  for (const method of ['tasks/list', 'tasks/result']) {
    const { status, error } = await modernRequest(url, method, { taskId: 'job_1' })
    t.assert.deepStrictEqual([status, error?.code], [404, -32601])
  }
  const legacy = async (method: string, params: object) => {
    const headers = { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    return Object(await (await fetch(url, { method: 'POST', headers, body })).json())
  }
  t.assert.strictEqual((await legacy('tasks/get', { taskId: 'job_1' })).error.code, -32601)
  const clientInfo = { name: 'c', version: '1' }
  const handshake = await legacy('initialize', { protocolVersion: '2025-11-25', capabilities: withTasks, clientInfo })
  t.assert.deepStrictEqual(Object.keys(handshake.result.capabilities.extensions), ['io.modelcontextprotocol/ui'])
})

test('Tasks are announced where there are jobs', async (t: TestContext) => {
  const discover = async (environment: Record<string, string>) => {
    const { url } = await listen(t, environment)
    return (await modernRequest(url, 'server/discover', {})).result.capabilities
  }
  t.assert.deepStrictEqual((await discover({ STUDIO: 'off' })).extensions, { [TASKS]: {} })
  t.assert.strictEqual((await discover({ LIBRARY: 'off' })).extensions, undefined)
})

test('without a library a client that declares Tasks gets its image', async (t: TestContext) => {
  const { url } = await startService(t, { LIBRARY: 'off' })
  t.assert.strictEqual((await generate(url, {})).result.content[1].type, 'image')
  const { status, error } = await modernRequest(url, 'tasks/get', { taskId: 'job_1' })
  t.assert.deepStrictEqual([status, error?.code], [404, -32601])
})

for (const [what, inputResponses] of [
  ['no object', 'yes'],
  ['a list', [1]],
  ['absent', undefined],
  ['null', null],
  ['too long', { 'confirm-1': 'x'.repeat(70_000) }],
  ['too long, in base64', { 'confirm-1': 'AAAA'.repeat(40_000) }],
  ['too many', Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, n]))],
] as const) {
  test(`responses to a task that are ${what} are an error -32602`, async (t: TestContext) => {
    const { url } = await startService(t)
    const { taskId } = (await generate(url, {})).result
    t.assert.strictEqual((await modernRequest(url, 'tasks/update', { taskId, inputResponses })).error?.code, -32602)
  })
}

test('responses that a task has not asked for are ignored', async (t: TestContext) => {
  const { url } = await startService(t)
  const { taskId } = (await generate(url, {})).result
  const { result } = await modernRequest(url, 'tasks/update', { taskId, inputResponses: { 'confirm-1': 1 } })
  t.assert.deepStrictEqual(Object.keys(result).sort(), ['_meta', 'resultType'])
  t.assert.strictEqual((await settled(url, taskId)).status, 'completed')
})

test('what a rule asks is asked before there is a task, and its confirmation makes one task only', async (t: TestContext) => {
  const POLICY_FILE = join(await temporaryFolder(t), 'policy.json')
  await writeFile(POLICY_FILE, JSON.stringify({ mode: 'enforce', rules: [{ confirm_above_usd: 0.01 }] }))
  const { url, simulator } = await startService(t, { POLICY_FILE })
  const call = { name: 'generate_image', arguments: { prompt: 'a red fox' } }
  const capabilities = { elicitation: {}, ...withTasks }
  const dry = await generate(url, { dry_run: true }, { capabilities })
  t.assert.partialDeepStrictEqual(dry.result, { resultType: 'complete', content: [{ type: 'text' }] })
  const asked = await modernRequest(url, 'tools/call', call, { capabilities })
  t.assert.strictEqual(asked.result.resultType, 'input_required')
  const { requestState, inputRequests } = asked.result
  const accept = { action: 'accept', content: { confirm: true } }
  const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, accept]))
  const repeat = () => modernRequest(url, 'tools/call', { ...call, inputResponses, requestState }, { capabilities })
  const answers = [await repeat(), await repeat()]
  const tasks = answers.filter(({ result }) => result?.resultType === 'task')
  t.assert.strictEqual(tasks.length, 1, JSON.stringify(answers))
  t.assert.strictEqual((await settled(url, tasks[0]?.result.taskId)).result.content[1].type, 'image')
  t.assert.strictEqual(simulator.requests.length, 1)
  const declined = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, { action: 'decline' }]))
  const again = await modernRequest(url, 'tools/call', call, { capabilities })
  const more = { inputResponses: declined, requestState: again.result.requestState }
  const rejected = await modernRequest(url, 'tools/call', { ...call, ...more }, { capabilities })
  t.assert.partialDeepStrictEqual(rejected.result, { resultType: 'complete', isError: true })
  t.assert.strictEqual(simulator.requests.length, 1)
})

test('a repeated call with one idempotency key is one task', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  const [first, second] = [await generate(url, { idempotency_key: 'k' }), await generate(url, { idempotency_key: 'k' })]
  t.assert.strictEqual(second.result.resultType, 'task')
  t.assert.strictEqual(second.result.taskId, first.result.taskId)
  t.assert.strictEqual((await settled(url, first.result.taskId)).status, 'completed')
  t.assert.strictEqual(simulator.requests.length, 1)
})
