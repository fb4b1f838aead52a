import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { buildApp } from '../../support/app.ts'
import { askingTool } from '../../support/asking-tool.ts'
import { taskTools } from '../../support/conformance-tasks.ts'
import { modernHeaders, modernMeta, TASKS } from '../../support/modern-client.ts'
import { checkProperty } from '../../support/property.ts'

const json = fc.jsonValue({ maxDepth: 3 })
const named = (keys: readonly string[], values: fc.Arbitrary<unknown>) =>
  fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), values, { minKeys: 1, maxKeys: 5 })

const everything = { elicitation: {}, extensions: { [TASKS]: {} } }
const capabilities = fc.oneof(
  { weight: 3, arbitrary: fc.constant(everything) },
  { weight: 1, arbitrary: named(['elicitation', 'extensions'], fc.oneof(json, named(['form', 'url', TASKS], json))) },
)
const response = fc.oneof(json, named(['action', 'content'], fc.oneof(json, fc.constantFrom('accept', 'decline'))))
const responses = fc.oneof(
  { weight: 3, arbitrary: named(['confirm', 'confirm-1', '__proto__'], response) },
  { weight: 1, arbitrary: json },
)

interface Sent {
  method: string
  params: Record<string, unknown>
  declared: object
}

/** @param taskId of a task that has asked */
function requests(taskId: string): fc.Arbitrary<Sent> {
  const call = fc.record(
    { name: fc.constant('ask_first'), arguments: fc.constant({}), inputResponses: responses, requestState: json },
    { requiredKeys: ['name', 'inputResponses'] },
  )
  const ids = fc.oneof(fc.string(), fc.constant(taskId))
  const task = fc.record({ taskId: ids, inputResponses: responses }, { requiredKeys: ['taskId'] })
  return fc
    .tuple(fc.constantFrom('tools/call', 'tasks/get', 'tasks/update', 'tasks/cancel'), call, task, capabilities)
    .map(([method, called, asked, declared]) => ({
      method,
      params: method === 'tools/call' ? called : asked,
      declared,
    }))
}

test('whatever a client responds and declares, it gets a result or an error of the protocol', async (t: TestContext) => {
  const tools = [askingTool, ...taskTools]
  const { app } = await buildApp(t, {}, { extendCatalog: ({ tasks }) => ({ tools, tasks }) })
  const send = async ({ method, params, declared }: Sent) => {
    const response = await app.inject({
      method: 'POST',
      url: '/mcp',
      headers: encoded(modernHeaders(method, params)),
      payload: { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: modernMeta(declared) } },
    })
    return { status: response.statusCode, ...response.json() }
  }
  const params = { name: 'confirm_delete', arguments: { filename: 'a' } }
  const created = await send({ method: 'tools/call', params, declared: everything })
  const property = fc.asyncProperty(requests(created.result.taskId), async (sent) => {
    const { status, result, error } = await send(sent)
    return status < 500 && (error === undefined ? result !== undefined : error.code !== -32603)
  })
  await checkProperty(t, property, { numRuns: 200 })
})

/** A name that a header cannot carry is encoded. */
function encoded({ 'mcp-name': name = '', ...headers }: Record<string, string>) {
  const isPlain = /^[\x21-\x7e]+$/.test(name)
  return { ...headers, 'mcp-name': isPlain ? name : `=?base64?${Buffer.from(name).toString('base64')}?=` }
}
