import { type TestContext, test } from 'node:test'
import { hideSecrets } from '../../services/log-redaction.ts'

test('hides keys, prompts and pictures wherever they stand', (t: TestContext) => {
  const fields = {
    prompt: 'p',
    request: { headers: { authorization: 'a', 'api-key': 'b', 'x-api-key': 'c', host: 'h' } },
  }
  t.assert.deepEqual(hideSecrets(fields), {
    prompt: '[redacted]',
    request: {
      headers: { authorization: '[redacted]', 'api-key': '[redacted]', 'x-api-key': '[redacted]', host: 'h' },
    },
  })
  t.assert.strictEqual(fields.prompt, 'p')
})

test('hides within lists', (t: TestContext) => {
  t.assert.deepEqual(hideSecrets({ content: [{ type: 'image', data: 'iVBOR' }] }), {
    content: [{ type: 'image', data: '[redacted]' }],
  })
})

test('gives fields without secrets back as they are', (t: TestContext) => {
  const fields = { status: 200, nested: { a: 1 } }
  t.assert.strictEqual(hideSecrets(fields), fields)
})

test('shows the size of bytes instead of the bytes', (t: TestContext) => {
  t.assert.deepEqual(hideSecrets({ body: Buffer.alloc(7) }), { body: '[7 bytes]' })
})

test('ends for what contains itself', (t: TestContext) => {
  const loop: Record<string, unknown> = {}
  loop.self = loop
  t.assert.ok(JSON.stringify(hideSecrets(loop)).includes('[nested too deep]'))
})
