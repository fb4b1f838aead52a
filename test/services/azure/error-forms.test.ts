import { describe, type TestContext, test } from 'node:test'
import { azureError } from '../../../services/azure/azure-error.ts'
import { parseFault } from '../../../services/azure/error-body.ts'
import { isAzureCode, retryRule } from '../../../services/azure/retry-policy.ts'

function errorOf(status: number, body: unknown, headers: Record<string, string | string[]> = {}, prompt = 'a boat') {
  const context = { operation: 'generate', deployment: 'd', secrets: ['a-key-of-azure', prompt] } as const
  return azureError(status, headers, parseFault(Buffer.from(JSON.stringify(body))), context)
}

const codeOf = (...sent: Parameters<typeof errorOf>) => errorOf(...sent).code.replace('IMG_ERR_AZURE_', '')

describe('a quoted prompt does not decide what an error means', () => {
  const quotes: readonly [status: number, prompt: string, code: string][] = [
    [403, 'an account of a temporarily blocked man', 'FORBIDDEN'],
    [429, 'a sign: billing hard limit', 'RATE_LIMIT'],
    [429, 'a crowd at full capacity', 'RATE_LIMIT'],
    [400, 'the content policy of a "safety system"', 'REJECTED'],
    [400, 'a fashion model who is retired', 'REJECTED'],
    [400, 'an unsupported API version as an image', 'REJECTED'],
    [409, 'the model is not ready', 'REJECTED'],
    [401, 'key based authentication is disabled', 'CREDENTIAL'],
  ]
  const forms: Readonly<Record<string, (prompt: string) => string>> = {
    whole: (prompt) => prompt,
    'in capitals': (prompt) => prompt.toUpperCase(),
    'cut off': (prompt) => `${prompt.slice(0, -1)}…`,
    escaped: (prompt) => JSON.stringify(prompt),
    twice: (prompt) => `${prompt} ${prompt}`,
  }
  for (const [name, quote] of Object.entries(forms)) {
    test(`quoted ${name}`, (t: TestContext) => {
      for (const [status, prompt, code] of quotes) {
        const body = { error: { code: 'x', message: `Rejected for "${quote(prompt)}".` } }
        t.assert.equal(codeOf(status, body, {}, prompt), code, prompt)
      }
    })
  }

  test('what stands beside the quotation still does', (t: TestContext) => {
    const message = 'Account temporarily blocked after "a boat of gold".'
    t.assert.equal(codeOf(403, { error: { message } }, {}, 'a boat of gold'), 'ACCOUNT_BLOCKED')
    t.assert.equal(codeOf(403, { error: { message } }, {}, 'block'), 'ACCOUNT_BLOCKED')
  })
})

test('an error is found however deep it is nested', (t: TestContext) => {
  const inner = { code: 'content_filter', message: 'x' }
  const nested = (name: string, depth: number) =>
    Array.from({ length: depth }).reduce<object>((error) => ({ [name]: error }), inner)
  for (const name of ['error', 'innererror', 'inner_error', 'innerError']) {
    for (let depth = 1; depth < 10; depth++) {
      t.assert.equal(codeOf(400, { error: nested(name, depth) }), 'CONTENT', `${name} ${depth}`)
    }
  }
  const asText = JSON.stringify({ error: inner })
  t.assert.equal(codeOf(400, { error: { code: 'BadRequest', message: asText } }), 'CONTENT')
})

test('a flood of errors is read in a moment, and logged as one code each', (t: TestContext) => {
  const details = Array.from({ length: 50_000 }, () => ({ code: 'content_filter', details: [{ code: 'forbidden' }] }))
  const startedAt = performance.now()
  const { code, detail } = errorOf(400, { error: { code: 'BadRequest', details } })
  t.assert.equal(code, 'IMG_ERR_AZURE_CONTENT')
  t.assert.equal(detail?.azureCode, 'badrequest contentfilter')
  t.assert.ok(performance.now() - startedAt < 10_000)
})

test('what the content filter rejects is never sent again, whatever the status', (t: TestContext) => {
  for (const status of [400, 403, 404, 409, 415, 422, 424, 451, 500, 503]) {
    const { code } = errorOf(status, { error: { code: 'content_filter', message: 'x' } })
    t.assert.equal(code, 'IMG_ERR_AZURE_CONTENT', `${status}`)
    t.assert.equal(isAzureCode(code) && retryRule(code).action, 'giveUp')
  }
})

describe('the wait of a header', () => {
  const headers: readonly [headers: Record<string, string | string[]>, waitMs: number | undefined][] = [
    [{ 'retry-after': '7.5' }, 7_500],
    [{ 'retry-after': '5, 10' }, 10_000],
    [{ 'retry-after': ['5', '9'] }, 9_000],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': 'Wed, 21 Oct 2015 07:28:30 GMT', date: 'Wed, 21 Oct 2015 07:28:00 GMT' }, 30_000],
    [{ 'retry-after-ms': '1500', 'retry-after': '60' }, 1_500],
    [{ 'retry-after-ms': '-1', 'retry-after': '60' }, 60_000],
    [{ 'x-ms-retry-after-ms': '1500', 'retry-after': '60' }, 1_500],
    [{ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '12' }, 12_000],
    [{ 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1m0s' }, 60_000],
    [{ 'x-ratelimit-remaining-tokens': '5', 'x-ratelimit-reset-tokens': '1m0s' }, undefined],
    [{ 'x-ratelimit-reset-requests': '12' }, undefined],
    [{ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': 'x' }, undefined],
    [{ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '999999999' }, 300_000],
    [{ 'retry-after': '3', 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '12' }, 3_000],
  ]
  for (const [sent, waitMs] of headers) {
    test(`${JSON.stringify(sent)} is ${waitMs} ms`, (t: TestContext) => {
      t.assert.equal(errorOf(429, {}, sent).retryAfterMs, waitMs)
    })
  }
})
