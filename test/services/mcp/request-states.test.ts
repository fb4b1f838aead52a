import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { createRequestStates, type StatedRequest } from '../../../services/mcp/request-states.ts'
import { checkProperty } from '../../support/property.ts'

const request: StatedRequest = {
  caller: 'key:ann',
  method: 'tools/call',
  params: { name: 'generate_image', arguments: { prompt: 'a lighthouse', n: 2 } },
}
const key = randomBytes(32)

test('a state returns what was stored, for ten minutes, as often as it is sent', (t: TestContext) => {
  let now = 1_000_000
  const states = createRequestStates({ key, now: () => now })
  const state = states.encode({ code: 'c_1', usd: 0.08 }, request)
  now += 599_999
  t.assert.deepStrictEqual(states.decode(state, request), { state: { code: 'c_1', usd: 0.08 } })
  t.assert.deepStrictEqual(states.decode(state, request), { state: { code: 'c_1', usd: 0.08 } })
  now += 1
  t.assert.strictEqual(states.decode(state, request), undefined)
})

test('another replica with the same secret continues; one with another secret does not', (t: TestContext) => {
  const state = createRequestStates({ key }).encode('x', request)
  t.assert.deepStrictEqual(createRequestStates({ key }).decode(state, request), { state: 'x' })
  t.assert.strictEqual(createRequestStates({ key: randomBytes(32) }).decode(state, request), undefined)
})

for (const [what, other] of [
  ['another caller', { ...request, caller: 'key:bob' }],
  ['another method', { ...request, method: 'prompts/get' }],
  ['another tool', { ...request, params: { ...request.params, name: 'edit_image' } }],
  ['another argument', { ...request, params: { ...request.params, arguments: { prompt: 'a lighthouse', n: 3 } } }],
  [
    'an argument more',
    { ...request, params: { ...request.params, arguments: { prompt: 'a lighthouse', n: 2, size: 'auto' } } },
  ],
  [
    'an argument of another type',
    { ...request, params: { ...request.params, arguments: { prompt: 'a lighthouse', n: '2' } } },
  ],
] as const) {
  test(`a state of one request means nothing to ${what}`, (t: TestContext) => {
    const states = createRequestStates({ key })
    t.assert.strictEqual(states.decode(states.encode('x', request), other), undefined)
  })
}

test('the order of members, progress tokens and responses do not change a request', (t: TestContext) => {
  const states = createRequestStates({ key })
  const again = {
    ...request,
    params: {
      _meta: { progressToken: 7 },
      inputResponses: { confirm: { action: 'accept' } },
      requestState: 'whatever',
      arguments: { n: 2, prompt: 'a lighthouse' },
      name: 'generate_image',
    },
  }
  t.assert.deepStrictEqual(states.decode(states.encode('x', request), again), { state: 'x' })
})

test('a state reveals nothing of what is stored', (t: TestContext) => {
  const state = createRequestStates({ key }).encode('a secret sentence', request)
  t.assert.ok(!Buffer.from(state, 'base64url').toString('latin1').includes('secret'))
})

test('a state that was changed anywhere is none', async (t: TestContext) => {
  const states = createRequestStates({ key })
  const state = states.encode({ usd: 1 }, request)
  const change = fc.oneof(
    fc
      .tuple(fc.nat(state.length - 1), fc.string({ minLength: 1, maxLength: 1 }))
      .map(([at, other]) => state.slice(0, at) + other + state.slice(at + 1)),
    fc.nat(state.length - 1).map((length) => state.slice(0, length)),
    fc
      .tuple(fc.nat(state.length), fc.string({ minLength: 1 }))
      .map(([at, more]) => state.slice(0, at) + more + state.slice(at)),
    fc.string(),
    fc.base64String(),
  )
  await checkProperty(
    t,
    fc.property(change, (changed) => changed === state || states.decode(changed, request) === undefined),
    { numRuns: 2_000 },
  )
})
