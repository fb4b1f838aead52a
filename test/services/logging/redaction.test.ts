import { type TestContext, test } from 'node:test'
import { ReportedError } from '../../../services/errors/app-error.ts'
import { serviceError } from '../../../services/errors/errors.ts'
import { describeError, hideAddresses, hideSecrets } from '../../../services/logging/redaction.ts'

test('redacts keys, prompts and images at any depth', (t: TestContext) => {
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

test('redacts within lists', (t: TestContext) => {
  t.assert.deepEqual(hideSecrets({ content: [{ type: 'image', data: 'iVBOR' }] }), {
    content: [{ type: 'image', data: '[redacted]' }],
  })
})

test('returns fields without secrets unchanged', (t: TestContext) => {
  const fields = { status: 200, nested: { a: 1 } }
  t.assert.strictEqual(hideSecrets(fields), fields)
})

test('logs the size of a buffer instead of its bytes', (t: TestContext) => {
  t.assert.deepEqual(hideSecrets({ body: Buffer.alloc(7) }), { body: '[7 bytes]' })
})

test('stops at circular references', (t: TestContext) => {
  const loop: Record<string, unknown> = {}
  loop.self = loop
  t.assert.ok(JSON.stringify(hideSecrets(loop)).includes('[nested too deep]'))
})

test('logs the name, code and frames of an error, and no text of a library', (t: TestContext) => {
  const error = Object.assign(
    new TypeError('secret', { cause: Object.assign(new Error('secret'), { code: 'ECONNRESET' }) }),
    {
      code: 'ERR_INVALID_URL',
      syscall: 'connect',
      input: 'secret',
      command: { name: 'auth', args: ['secret'] },
    },
  )
  const { frames = [], cause, ...rest } = describeError(error)
  t.assert.deepEqual(rest, { type: 'TypeError', code: 'ERR_INVALID_URL', syscall: 'connect' })
  t.assert.match(frames[0] ?? '', /^logging\/redaction\.test\.ts:\d+:\d+$/)
  t.assert.equal(cause?.code, 'ECONNRESET')
  t.assert.ok(!JSON.stringify(describeError(error)).includes('secret'))
})

test('logs messages that the service wrote, unless they quote something', (t: TestContext) => {
  t.assert.deepEqual(describeError(new ReportedError('the issuer answered 503')), {
    type: 'ReportedError',
    message: 'the issuer answered 503',
  })
  t.assert.match(describeError(serviceError('IMG_ERR_AZURE_LOST', [])).message ?? '', /^The connection to Azure broke/)
  t.assert.deepEqual(describeError(serviceError('IMG_ERR_ARGUMENTS', ['"a secret" is unknown'])), {
    type: 'ServiceError',
    code: 'IMG_ERR_ARGUMENTS',
  })
})

test('describes errors at any depth, and anything that was thrown', (t: TestContext) => {
  const fields = hideSecrets({
    err: 'secret',
    reasons: [new Error('secret')],
    client: new (class Client {
      key = 'secret'
    })(),
  })
  t.assert.ok(!JSON.stringify(fields).includes('secret'), JSON.stringify(fields))
  t.assert.match(JSON.stringify(fields), /"\[Client\]"/)
})

test('never mistakes a message for frames, even one that was changed later', (t: TestContext) => {
  const forged = 'x\n    at secret (/srv/secret.js:1:1)'
  const whole = new Error(forged)
  const changed = ['', 'r'].map((message) => {
    const error = new Error(forged)
    // The stack is formatted now.
    t.assert.match(error.stack ?? '', /secret/)
    return Object.assign(error, { message })
  })
  t.assert.match(describeError(whole).frames?.[0] ?? '', /redaction\.test\.ts/)
  for (const error of [whole, ...changed]) t.assert.ok(!JSON.stringify(describeError(error)).includes('secret'))
  t.assert.match(describeError(new Error('')).frames?.[0] ?? '', /redaction\.test\.ts/)
})

test('redacts credentials and query strings of URLs', (t: TestContext) => {
  t.assert.equal(
    hideAddresses('redis://u:secret@redis:6379 and http://secret@h/p?key=secret&b=1, "at?" https://h/p'),
    'redis://[redacted]@redis:6379 and http://[redacted]@h/p?[redacted] "at?" https://h/p',
  )
})
