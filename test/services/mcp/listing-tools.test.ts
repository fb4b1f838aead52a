import { type TestContext, test } from 'node:test'
import type { Tool } from '../../../services/calls/types.ts'
import { createDispatcher } from '../../../services/mcp/dispatcher.ts'
import { contextOf, requestStates, runBare } from '../../support/calls.ts'
import { echo } from '../../support/fixture-catalog.ts'

const listing: Tool = { ...echo, name: 'find', needsListing: true }
const lister = { owner: 'key:test', uses: 'own', canList: true, changes: 'own' } as const
const stranger = { owner: 'address:1', uses: 'all', canList: false, changes: 'none' } as const

function build() {
  const dispatcher = createDispatcher({
    catalog: { tools: [echo, listing] },
    serverInfo: { name: 'fixture', title: 'Fixture', version: '1.0.0' },
    instructions: ({ canList }) => (canList ? 'all' : 'some'),
    progressRepeatMs: 1000,
    requestStates,
    runCall: runBare(),
    onFinished() {},
  })
  return async (access: typeof lister | typeof stranger, method: string, params: object = {}) => {
    const message = { jsonrpc: '2.0', id: 1, method, params } as const
    const { body } = await dispatcher.handle(message, contextOf({ access, assumedVersion: '2025-11-25' }))
    return JSON.parse(JSON.stringify(body))
  }
}

const namesIn = ({ result }: { result: { tools: { name: string }[] } }) => result.tools.map(({ name }) => name)

test('tools that list stored images are published only to callers that may list them, whoever asks first', async (t: TestContext) => {
  for (const order of [[stranger, lister, stranger] as const, [lister, stranger, lister] as const]) {
    const ask = build()
    for (const access of order) {
      const expected = access.canList ? ['echo', 'find'] : ['echo']
      t.assert.deepEqual(namesIn(await ask(access, 'tools/list')), expected)
      const { result } = await ask(access, 'initialize', {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'c', version: '1' },
      })
      t.assert.equal(result.instructions, access.canList ? 'all' : 'some')
    }
  }
})

test('a call of a tool that is not published to its caller is answered in a sentence and does not run', async (t: TestContext) => {
  const ask = build()
  const call = { name: 'find', arguments: { text: 'x' } }
  t.assert.deepEqual((await ask(lister, 'tools/call', call)).result, { content: [{ type: 'text', text: 'x' }] })
  const { result } = await ask(stranger, 'tools/call', call)
  t.assert.equal(result.isError, true)
  t.assert.match(result.content[0].text, /^Without authentication this server finds images by their ids only/)
})
