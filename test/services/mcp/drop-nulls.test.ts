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
