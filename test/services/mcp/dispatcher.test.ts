import { type TestContext, test } from 'node:test'
import { createChain } from '../../../services/calls/chain.ts'
import { checkArguments } from '../../../services/calls/check-arguments.ts'
import type { Around } from '../../../services/calls/types.ts'
import { createDispatcher } from '../../../services/mcp/dispatcher.ts'
import type { McpContext } from '../../../services/mcp/types.ts'
import { ask, contextOf, requestStates, runBare, silent } from '../../support/calls.ts'
import { echo, fixtureCatalog } from '../../support/fixture-catalog.ts'
import { verifies } from '../../support/verifies.ts'

function build() {
  const finished: string[] = []
  const errors: object[] = []
  const dispatcher = createDispatcher({
    catalog: fixtureCatalog,
    serverInfo: { name: 'fixture', title: 'Fixture', version: '1.2.3' },
    instructions: () => 'Be brief.',
    progressRepeatMs: 1000,
    requestStates,
    runCall: runBare({
      callStarted: (tool) => finished.push(`${tool} started`),
      callFinished: ({ tool, outcome }) => finished.push(`${tool} ${outcome}`),
    }),
    onFinished: (method, outcome) => finished.push(`${method} ${outcome}`),
  })
  const log = { ...silent, error: (fields: object) => errors.push(fields) }
  return {
    ask: (message: unknown, extra: Partial<McpContext> = {}) => ask(dispatcher, message, contextOf({ log, ...extra })),
    finished,
    errors,
    dispatcher,
    context: contextOf({ log }),
  }
}

const headers = (protocolVersion?: string, method?: string, name?: string) => ({ protocolVersion, method, name })
const call = (name: string, args: object = {}, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

for (const id of [0, '', 7, 'seven', -1]) {
  verifies('id-echo', `returns the id ${JSON.stringify(id)} unchanged`, async (t: TestContext) => {
    const { body } = await build().ask({ jsonrpc: '2.0', id, method: 'ping' })
    t.assert.deepStrictEqual(body, { jsonrpc: '2.0', id, result: {} })
  })
}

for (const [requested, responded] of [
  ['2024-11-05', '2024-11-05'],
  ['2025-03-26', '2025-03-26'],
  ['2025-06-18', '2025-06-18'],
  ['2025-11-25', '2025-11-25'],
  ['2026-07-28', '2025-11-25'],
  ['1999-01-01', '2025-11-25'],
] as const) {
  verifies('handshake', `answers a handshake that asks for ${requested} with ${responded}`, async (t: TestContext) => {
    const params = { protocolVersion: requested, capabilities: {}, clientInfo: { name: 'c', version: '1' } }
    const { body } = await build().ask({ jsonrpc: '2.0', id: 1, method: 'initialize', params })
    t.assert.deepStrictEqual(body, {
      jsonrpc: '2.0',
      id: 1,
      result: {
        protocolVersion: responded,
        capabilities: { tools: {} },
        serverInfo: {
          name: 'fixture',
          version: '1.2.3',
          ...(responded >= '2025-06-18' ? { title: 'Fixture' } : {}),
        },
        instructions: 'Be brief.',
      },
    })
  })
}

verifies(
  'method-not-found',
  'answers an unknown method with -32601, and does not use its name as a metric label',
  async (t: TestContext) => {
    const { ask, finished } = build()
    const response = await ask({ jsonrpc: '2.0', id: 1, method: 'images/paint' })
    t.assert.deepStrictEqual(response, {
      status: 200,
      body: { jsonrpc: '2.0', id: 1, error: { code: -32601, message: 'Method not found: images/paint' } },
    })
    t.assert.deepStrictEqual(finished, ['other method_not_found'])
  },
)

test('has no method whose part of the catalog is absent', async (t: TestContext) => {
  const { body } = await build().ask({ jsonrpc: '2.0', id: 1, method: 'prompts/list' })
  t.assert.partialDeepStrictEqual(body, { error: { code: -32601 } })
})

verifies('unknown-tool', 'answers an unknown tool with -32602', async (t: TestContext) => {
  const { body } = await build().ask(call('paint'))
  t.assert.partialDeepStrictEqual(body, { id: 1, error: { code: -32602 } })
})

verifies(
  'invalid-params',
  'answers params of the wrong shape with -32602 and says what is wrong',
  async (t: TestContext) => {
    const { body } = await build().ask({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { arguments: [1] } })
    t.assert.deepStrictEqual(body, {
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32602, message: 'Invalid params of tools/call: "name" is missing; "arguments" must be object.' },
    })
  },
)

verifies(
  'tool-arguments',
  'answers arguments that fail the schema with a result that says what to fix',
  async (t: TestContext) => {
    const { ask, finished } = build()
    const { body } = await ask(call('echo', { size: 'big', txt: 1 }))
    t.assert.deepStrictEqual(body, {
      jsonrpc: '2.0',
      id: 1,
      result: {
        content: [
          {
            type: 'text',
            text: 'The arguments are not valid: "text" is missing; "txt" is unknown; "size" does not have the right form.',
          },
        ],
        isError: true,
      },
    })
    t.assert.deepStrictEqual(finished, ['echo started', 'echo input_error', 'tools/call tool_error'])
  },
)

verifies('tool-error', "returns a tool's own failure as a result with its sentence", async (t: TestContext) => {
  const { body } = await build().ask(call('fail_kindly'))
  t.assert.deepStrictEqual(body, {
    jsonrpc: '2.0',
    id: 1,
    result: {
      content: [{ type: 'text', text: 'The call was cancelled before anything was sent to Azure.' }],
      isError: true,
    },
  })
})

test('an unexpected failure returns only the request id, and is logged', async (t: TestContext) => {
  const { ask, errors, finished } = build()
  const { body } = await ask(call('fail_badly'))
  t.assert.deepStrictEqual(body, {
    jsonrpc: '2.0',
    id: 1,
    error: { code: -32603, message: 'Internal error', data: { requestId: 'req-1' } },
  })
  t.assert.match(String(Object.values(errors[0] ?? {})[0]), /secret detail of ours/)
  t.assert.deepStrictEqual(finished, ['fail_badly started', 'fail_badly internal_error', 'tools/call internal_error'])
})

verifies(
  'resource-links',
  'leaves out content that the revision of the caller does not know',
  async (t: TestContext) => {
    const { ask } = build()
    const kinds = async (version: string) => {
      const { body } = await ask(call('every_block'), { headers: headers(version) })
      return body && 'result' in body && 'content' in body.result && Array.isArray(body.result.content)
        ? body.result.content.map(({ type }) => type)
        : []
    }
    t.assert.deepStrictEqual(await kinds('2024-11-05'), ['text'])
    t.assert.deepStrictEqual(await kinds('2025-03-26'), ['text', 'audio'])
    t.assert.deepStrictEqual(await kinds('2025-06-18'), ['text', 'audio', 'resource_link'])
  },
)

verifies('notification-silence', 'does not respond to notifications, known or not', async (t: TestContext) => {
  const { ask } = build()
  t.assert.deepStrictEqual(await ask({ jsonrpc: '2.0', method: 'notifications/initialized' }), { status: 202 })
  t.assert.deepStrictEqual(await ask({ jsonrpc: '2.0', method: 'notifications/anything' }), { status: 202 })
})

test('runs no method without an id, and reports it', async (t: TestContext) => {
  const { ask, finished } = build()
  const { id: _, ...withoutId } = call('echo', { text: 'x' })
  t.assert.partialDeepStrictEqual(await ask(withoutId), { status: 400, body: { id: null, error: { code: -32600 } } })
  t.assert.ok(!finished.includes('echo started'))
})

for (const [what, message] of [
  ['null', null],
  ['a string', 'ping'],
  ['an empty object', {}],
  ['another version', { jsonrpc: '1.0', id: 1, method: 'ping' }],
  ['a null id', { jsonrpc: '2.0', id: null, method: 'ping' }],
  ['a broken number as id', { jsonrpc: '2.0', id: 1.5, method: 'ping' }],
  ['a number too large to keep', { jsonrpc: '2.0', id: 2 ** 60, method: 'ping' }],
  ['an object as id', { jsonrpc: '2.0', id: {}, method: 'ping' }],
  ['a number as method', { jsonrpc: '2.0', id: 1, method: 5 }],
  ['an empty batch', []],
] as const) {
  verifies(
    what === 'a null id' ? ['invalid-request', 'null-id'] : 'invalid-request',
    `answers ${what} with -32600`,
    async (t: TestContext) => {
      t.assert.partialDeepStrictEqual(await build().ask(message), { status: 400, body: { error: { code: -32600 } } })
    },
  )
}

test('echoes a readable id of an invalid request', async (t: TestContext) => {
  const { body } = await build().ask({ id: 'x', method: 'ping' })
  t.assert.partialDeepStrictEqual(body, { id: 'x', error: { code: -32600 } })
})

verifies(
  'unreadable-id',
  'gives an unreadable id as null up to 2025-06-18 and leaves it out later',
  async (t: TestContext) => {
    const { ask } = build()
    const idOf = async (version?: string) => {
      const { body } = await ask({ jsonrpc: '2.0', id: null, method: 'ping' }, { headers: headers(version) })
      return body !== undefined && 'id' in body ? body.id : 'absent'
    }
    t.assert.strictEqual(await idOf(), null)
    t.assert.strictEqual(await idOf('2025-06-18'), null)
    t.assert.strictEqual(await idOf('2025-11-25'), 'absent')
    t.assert.strictEqual(await idOf('2026-07-28'), 'absent')
  },
)

verifies('batch', 'answers a batch as one array, without its notifications', async (t: TestContext) => {
  const { body } = await build().ask([
    { jsonrpc: '2.0', id: 1, method: 'ping' },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    7,
    { jsonrpc: '2.0', id: 1, method: 'ping' },
    { jsonrpc: '2.0', id: 2, method: 'initialize' },
  ])
  t.assert.partialDeepStrictEqual(body, [
    { id: 1, result: {} },
    { id: null, error: { code: -32600 } },
    { id: 1, result: {} },
    { id: 2, error: { code: -32600 } },
  ])
})

test('does not respond to a batch of notifications', async (t: TestContext) => {
  const batch = [{ jsonrpc: '2.0', method: 'notifications/initialized' }]
  t.assert.deepStrictEqual(await build().ask(batch), { status: 202 })
})

verifies(
  'no-batch',
  'takes at most 16 messages in a batch, and none in revisions without batches',
  async (t: TestContext) => {
    const { ask } = build()
    const batch = (length: number) => Array.from({ length }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' }))
    t.assert.strictEqual((await ask(batch(16))).status, 200)
    t.assert.partialDeepStrictEqual(await ask(batch(17)), { status: 400, body: { error: { code: -32600 } } })
    for (const version of ['2024-11-05', '2025-06-18', '2025-11-25', '2026-07-28']) {
      t.assert.partialDeepStrictEqual(await ask(batch(1), { headers: headers(version) }), {
        status: 400,
        body: { error: { code: -32600 } },
      })
    }
  },
)

verifies(
  'version-header',
  'rejects an unknown version with -32022 and lists the supported ones',
  async (t: TestContext) => {
    const response = await build().ask({ jsonrpc: '2.0', id: 1, method: 'ping' }, { headers: headers('2025-01-01') })
    t.assert.deepStrictEqual(response, {
      status: 400,
      body: {
        jsonrpc: '2.0',
        id: 1,
        error: {
          code: -32022,
          message: 'Unsupported protocol version',
          data: {
            supported: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
            requested: '2025-01-01',
          },
        },
      },
    })
  },
)

verifies('client-capability', 'requires the client capability that a tool requires', async (t: TestContext) => {
  const { ask } = build()
  const sampling = { ...meta, 'io.modelcontextprotocol/clientCapabilities': { sampling: {} } }
  const request = (_meta: object) => ({ ...call('needs_sampling'), params: { name: 'needs_sampling', _meta } })
  t.assert.partialDeepStrictEqual(await ask(request(meta)), {
    status: 400,
    body: { error: { code: -32021, data: { requiredCapabilities: { sampling: {} } } } },
  })
  t.assert.partialDeepStrictEqual(await ask(request(sampling)), {
    status: 200,
    body: { result: { resultType: 'complete' } },
  })
})

test('steps around a call see its arguments as the tool normalized them', async (t: TestContext) => {
  const seen: unknown[] = []
  const echoed = { ...echo, normalize: () => ({ text: 'as the schema has it' }) }
  const look: Around = (call, next) => {
    seen.push(call.args)
    return next()
  }
  const dispatcher = createDispatcher({
    catalog: { tools: [echoed] },
    serverInfo: { name: 'fixture', title: 'Fixture', version: '1.0.0' },
    instructions: () => '',
    progressRepeatMs: 1000,
    requestStates,
    runCall: createChain([checkArguments, look]),
    onFinished() {},
  })
  const { body } = await ask(dispatcher, call('echo', { text: null }), contextOf())
  t.assert.deepStrictEqual(seen, [{ text: 'as the schema has it' }])
  t.assert.match(JSON.stringify(body), /as the schema has it/)
})
