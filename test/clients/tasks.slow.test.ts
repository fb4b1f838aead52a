import { type TestContext, test } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { createTaskSessionFromClient, type RawClientDispatch } from '@modelcontextprotocol/ext-tasks/client'
import { listen } from '../support/app.ts'
import { withConformanceFixtures } from '../support/conformance-catalog.ts'
import { modernHeaders, modernMeta, VERSION, withTasks } from '../support/modern-client.ts'
import { startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { startStdio } from '../support/stdio-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** The official client with the official package for Tasks, which sends its requests by a function of its host. */

const clientInfo = { name: 'official-client', version: '1.0.0' }
const clientCapabilities = { elicitation: {} }

const dispatchTo =
  (url: string): RawClientDispatch =>
  async (request) => {
    const { method, params } = Object(request)
    const response = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: { ...modernHeaders(method, params), accept: 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...Object(request) }),
    })
    const { result, error } = Object(await response.json())
    return error === undefined ? { kind: 'result', result } : { kind: 'error', error }
  }

async function openSession(t: TestContext, url: string, asked: string[] = []) {
  const client = new Client(clientInfo, { versionNegotiation: { mode: 'auto' }, capabilities: clientCapabilities })
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
  t.after(() => client.close())
  const session = createTaskSessionFromClient(client, {
    endpointId: 'test',
    rawDispatch: dispatchTo(url),
    v2RequestFraming: { protocolVersion: VERSION, clientInfo, clientCapabilities },
    onInputRequest: async (request) => {
      asked.push(String(Object(request.params).message))
      const answer: object = { action: 'accept', content: { name: 'Ann', confirm: true } }
      // biome-ignore lint/suspicious/noExplicitAny: the type depends on the kind of question
      return answer as any
    },
  })
  t.after(() => session.close())
  return session
}

test('the official client gets an image by a task', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  const release = simulator.hold()
  const session = await openSession(t, url)
  t.assert.strictEqual(session.capabilities.execution, true)
  const execution = await session.callTool('generate_image', { prompt: 'a red fox' })
  t.assert.strictEqual(execution.kind, 'task')
  const states: string[] = []
  const { outcome } = await execution.settle({
    onEvent(event) {
      states.push(event.type === 'task' ? event.task.status : event.outcome.status)
      release()
    },
  })
  t.assert.strictEqual(outcome.status, 'completed')
  t.assert.deepStrictEqual([...new Set(states)], ['working', 'completed'])
  const { content } = Object(Object(outcome).result)
  t.assert.strictEqual(content[0].text, 'Image successfully generated.')
  t.assert.strictEqual(content[1].type, 'image')
  t.assert.strictEqual(simulator.requests.length, 1)
})

test('the official client answers the questions of a task, and finds it again by its reference', async (t: TestContext) => {
  const { url } = await listen(t, {}, { extendCatalog: withConformanceFixtures })
  const asked: string[] = []
  const session = await openSession(t, url, asked)
  const execution = await session.callTool('multi_input', {})
  t.assert.ok(execution.kind === 'task')
  const { outcome } = await execution.settle()
  t.assert.deepStrictEqual(asked.sort(), ['First name?', 'Second name?'])
  t.assert.deepStrictEqual(Object(outcome).result.content, [{ type: 'text', text: 'Hello, Ann and Ann!' }])
  const again = await session.task(execution.handle.taskId).result()
  t.assert.strictEqual(again.status, 'completed')
})

test('the official client cancels a task', async (t: TestContext) => {
  const { url } = await listen(t, {}, { extendCatalog: withConformanceFixtures })
  const session = await openSession(t, url)
  const execution = await session.callTool('slow_compute', { seconds: 60, label: 'x' })
  await execution.cancel()
  t.assert.strictEqual((await execution.result()).status, 'cancelled')
})

test('a task over stdio is created, read and cancelled as over HTTP, also by the next process', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const release = simulator.hold()
  const folder = await temporaryFolder(t)
  const environment = { HOME: folder, AZURE_BASE_URL: url, AZURE_API_KEY: key, LOG_LEVEL: 'error' }
  const start = () => {
    const client = startStdio({ ...environment, AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro' })
    t.after(() => client.kill())
    let id = 0
    return async (method?: string, params: object = {}) => {
      if (method === undefined) return await client.end()
      id++
      const message = { jsonrpc: '2.0', id, method, params: { ...params, _meta: modernMeta(withTasks) } }
      return Object(JSON.parse(await client.request(id, JSON.stringify(message)))).result
    }
  }
  const first = start()
  const call = { name: 'generate_image', arguments: { prompt: 'a red fox' } }
  const { taskId, resultType } = await first('tools/call', call)
  t.assert.strictEqual(resultType, 'task')
  await waitFor('the request to Azure', () => simulator.requests.length === 1)
  t.assert.strictEqual((await first('tasks/get', { taskId })).status, 'working')
  // What is paid for is waited for.
  const ended = first()
  release()
  t.assert.strictEqual(await ended, 0)
  const second = start()
  const task = await second('tasks/get', { taskId })
  t.assert.strictEqual(task.status, 'completed')
  t.assert.strictEqual(task.result.content[1].type, 'image')
  t.assert.strictEqual((await second('tasks/cancel', { taskId })).resultType, 'complete')
  t.assert.strictEqual(await second(), 0)
  t.assert.strictEqual(simulator.requests.length, 1)
})
