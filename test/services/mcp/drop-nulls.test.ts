import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../../support/app.ts'
import { fixtureCatalog } from '../../support/fixture-catalog.ts'

async function build(t: TestContext) {
  const { app } = await buildApp(
    t,
    {},
    {
      extendCatalog: ({ prompts, resources, complete }) => ({
        ...fixtureCatalog,
        ...(prompts && { prompts }),
        ...(resources && { resources }),
        ...(complete && { complete }),
      }),
    },
  )
  return async (message: object, headers: Record<string, string> = {}) => {
    const response = await app.inject({
      method: 'POST',
      url: '/',
      payload: { jsonrpc: '2.0', id: 1, ...message },
      headers,
    })
    return { status: response.statusCode, type: String(response.headers['content-type']), response: response.body }
  }
}

describe('an empty list in place of an object is an empty object, as PHP writes it', () => {
  test('as params and in them', async (t: TestContext) => {
    const ask = await build(t)
    for (const method of ['tools/list', 'prompts/list', 'resources/list', 'ping']) {
      const expected = await ask({ method })
      for (const params of [[], { _meta: [] }]) t.assert.deepStrictEqual(await ask({ method, params }), expected)
    }
    const call = (params: object) => ask({ method: 'tools/call', params: { name: 'every_block', ...params } })
    t.assert.deepStrictEqual(await call({ arguments: [], _meta: [] }), await call({ arguments: {} }))
    const prompt = (params: object) => ask({ method: 'prompts/get', params: { name: 'edit_one_thing', ...params } })
    t.assert.deepStrictEqual(await prompt({ arguments: [] }), await prompt({ arguments: {} }))
  })

  test('in initialize, and as the capabilities of a modern client', async (t: TestContext) => {
    const ask = await build(t)
    const clientInfo = { name: 'php', version: '1' }
    const initialize = (capabilities: unknown) =>
      ask({ method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities, clientInfo } })
    t.assert.deepStrictEqual(await initialize([]), await initialize({}))
    t.assert.deepStrictEqual(await initialize({ roots: [] }), await initialize({}))
    const discover = (capabilities: unknown) =>
      ask(
        {
          method: 'server/discover',
          params: {
            _meta: {
              'io.modelcontextprotocol/protocolVersion': '2026-07-28',
              'io.modelcontextprotocol/clientInfo': clientInfo,
              'io.modelcontextprotocol/clientCapabilities': capabilities,
            },
          },
        },
        { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' },
      )
    const expected = await discover({})
    t.assert.match(expected.response, /"result"/)
    t.assert.deepStrictEqual(await discover([]), expected)
  })

  test('but a list with members is wrong', async (t: TestContext) => {
    const ask = await build(t)
    for (const message of [
      { method: 'tools/list', params: ['a'] },
      { method: 'tools/list', params: { _meta: [1] } },
      { method: 'tools/call', params: { name: 'every_block', arguments: [{}] } },
    ])
      t.assert.match((await ask(message)).response, /-32602/)
  })
})

describe('what is null is absent', () => {
  for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'ping']) {
    test(`in params of ${method}`, async (t: TestContext) => {
      const ask = await build(t)
      const expected = await ask({ method })
      t.assert.match(expected.response, /"result"/)
      for (const params of [
        null,
        {},
        { cursor: null },
        { cursor: '' },
        { _meta: null },
        { _meta: { progressToken: null } },
      ]) {
        t.assert.deepStrictEqual(await ask({ method, params }), expected, JSON.stringify(params))
      }
    })
  }

  test('in a call without arguments', async (t: TestContext) => {
    const ask = await build(t)
    const call = (params: object) => ask({ method: 'tools/call', params: { name: 'every_block', ...params } })
    for (const nothing of [null, '', ' ']) {
      t.assert.deepStrictEqual(await call({ arguments: nothing, _meta: null }), await call({}))
    }
  })

  test('in arguments of a prompt and of a completion', async (t: TestContext) => {
    const ask = await build(t)
    const prompt = (args: object) => ask({ method: 'prompts/get', params: { name: 'edit_one_thing', arguments: args } })
    const expected = await prompt({ change: 'red' })
    t.assert.match(expected.response, /"messages"/)
    for (const keep of [null, '', ' ']) t.assert.deepStrictEqual(await prompt({ change: 'red', keep }), expected)
    t.assert.match((await prompt({ change: null })).response, /needs \\"change\\"/)
    const complete = await ask({
      method: 'completion/complete',
      params: {
        ref: { type: 'ref/prompt', name: 'style_transfer' },
        argument: { name: 'strength', value: 'l' },
        context: { arguments: { style: null } },
      },
    })
    t.assert.match(complete.response, /"values":\["light"/)
  })

  test('in a progress token: no stream is opened for it', async (t: TestContext) => {
    const ask = await build(t)
    const params = { name: 'every_block', _meta: { progressToken: null } }
    const { type } = await ask({ method: 'tools/call', params }, { accept: 'application/json, text/event-stream' })
    t.assert.match(type, /^application\/json/)
  })
})

describe('initialize negotiates by its body', () => {
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } }
  for (const version of ['1999-01-01', '2030-01-01', 'latest', '2026-07-28', '2025-03-26, 2025-06-18']) {
    test(`whatever the header says: "${version}"`, async (t: TestContext) => {
      const ask = await build(t)
      const { status, response } = await ask({ method: 'initialize', params }, { 'mcp-protocol-version': version })
      t.assert.equal(status, 200)
      t.assert.match(response, /"protocolVersion":"2025-06-18"/)
      t.assert.equal((await ask({ method: 'ping' }, { 'mcp-protocol-version': version })).status, 400)
    })
  }

  test('a blank header is none, and a repeated one is one', async (t: TestContext) => {
    const ask = await build(t)
    const list = (version: string) => ask({ method: 'tools/list' }, { 'mcp-protocol-version': version })
    t.assert.deepStrictEqual(await list(' '), await ask({ method: 'tools/list' }))
    t.assert.deepStrictEqual(await list('2025-06-18, 2025-06-18'), await list('2025-06-18'))
    t.assert.notDeepStrictEqual(await list('2025-06-18'), await list(''))
  })
})
