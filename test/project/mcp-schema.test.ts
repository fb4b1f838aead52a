import { type TestContext, test } from 'node:test'
import { messageErrors } from '../support/mcp-schema.ts'

const VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28']

for (const version of VERSIONS) {
  test(`the schema of ${version} accepts valid messages and rejects others`, (t: TestContext) => {
    const errors = (method: string, message: object) => messageErrors(version, method, { jsonrpc: '2.0', ...message })
    const good = { content: [{ type: 'text', text: 'x' }], resultType: 'complete' }
    t.assert.deepStrictEqual(errors('tools/call', { id: 1, result: good }), [])
    t.assert.notDeepStrictEqual(errors('tools/call', { id: 1, result: { content: [{ type: 'text' }] } }), [])
    t.assert.notDeepStrictEqual(errors('tools/call', { id: 1.5, result: good }), [])
    t.assert.deepStrictEqual(errors('ping', { id: 1, error: { code: -32601, message: 'no' } }), [])
    t.assert.notDeepStrictEqual(errors('ping', { id: 1, error: { code: 'x' } }), [])
    const progress = { method: 'notifications/progress', params: { progressToken: 1, progress: 1 } }
    t.assert.deepStrictEqual(errors('tools/call', progress), [])
    t.assert.notDeepStrictEqual(errors('tools/call', { ...progress, params: {} }), [])
  })
}
