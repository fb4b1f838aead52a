import { describe, type TestContext, test } from 'node:test'
import {
  type Alternatives,
  type AzureErrorCode,
  countFailure,
  type FailureCounts,
  MAX_FAILED_TRIES,
  type NextStep,
  nextStep,
} from '../../../services/azure/retry-policy.ts'

const none: Alternatives = {
  hasOtherRoute: false,
  hasOtherDeployment: false,
  canRefreshCredential: false,
  pausedMs: 0,
  remainingMs: 60_000,
  queueMs: 60_000,
}
const all: Alternatives = { ...none, hasOtherRoute: true, hasOtherDeployment: true, canRefreshCredential: true }

function after(code: AzureErrorCode, alternatives: Alternatives, tries = 1, retryAfterMs?: number): NextStep {
  return nextStep({ code, retryAfterMs }, { tries, rejections: 0 }, alternatives, () => 1)
}

const cases: readonly [string, NextStep, NextStep][] = [
  [
    'a failed connection fails over',
    after('IMG_ERR_AZURE_UNREACHABLE', all),
    { type: 'failOver', dropsDeployment: true },
  ],
  [
    'a failed connection without a fallback is retried',
    after('IMG_ERR_AZURE_UNREACHABLE', none),
    { type: 'retry', delayMs: 1000 },
  ],
  [
    "a retry waits for Azure's retry-after",
    after('IMG_ERR_AZURE_UNAVAILABLE', all, 1, 7000),
    { type: 'retry', delayMs: 8000 },
  ],
  [
    'no retry begins after the deadline',
    after('IMG_ERR_AZURE_UNAVAILABLE', { ...all, remainingMs: 8000 }, 1, 7000),
    { type: 'giveUp' },
  ],
  [
    'a 429 fails over, and its deployment stays a candidate',
    after('IMG_ERR_AZURE_RATE_LIMIT', all),
    { type: 'failOver', dropsDeployment: false },
  ],
  ['a 429 without a fallback waits', after('IMG_ERR_AZURE_RATE_LIMIT', none), { type: 'waitForQuota' }],
  [
    'a pause beyond the deadline gives up',
    after('IMG_ERR_AZURE_RATE_LIMIT', { ...none, pausedMs: 60_000 }),
    { type: 'giveUp' },
  ],
  ['a 404 tries the other route first', after('IMG_ERR_AZURE_NOT_FOUND', all), { type: 'rejectRoute' }],
  [
    'a 404 on the last route fails over',
    after('IMG_ERR_AZURE_NOT_FOUND', { ...all, hasOtherRoute: false }),
    { type: 'failOver', dropsDeployment: true },
  ],
  [
    'a rejected request does not fail over',
    after('IMG_ERR_AZURE_REJECTED', { ...all, hasOtherRoute: false }),
    { type: 'giveUp' },
  ],
  ['a 401 refreshes the credential', after('IMG_ERR_AZURE_CREDENTIAL', all), { type: 'refreshCredential' }],
  ['a second 401 gives up', after('IMG_ERR_AZURE_CREDENTIAL', none), { type: 'giveUp' }],
]

describe('next step', () => {
  for (const [name, step, expected] of cases) {
    test(name, (t: TestContext) => {
      t.assert.deepEqual(step, expected)
    })
  }

  test('whatever may have been billed is neither repeated nor sent elsewhere', (t: TestContext) => {
    const codes = ['TIMEOUT', 'LOST', 'UNCLEAR', 'BROKE_OFF', 'BAD_RESPONSE', 'RESPONSE_TOO_LARGE', 'DOWNLOAD'] as const
    for (const code of codes) t.assert.deepEqual(after(`IMG_ERR_AZURE_${code}`, all), { type: 'giveUp' }, code)
  })

  test('every repetition ends after the last try', (t: TestContext) => {
    const codes = ['UNREACHABLE', 'TLS', 'RATE_LIMIT', 'CAPACITY', 'FAILED', 'UNAVAILABLE'] as const
    for (const code of codes) {
      t.assert.deepEqual(after(`IMG_ERR_AZURE_${code}`, all, MAX_FAILED_TRIES), { type: 'giveUp' }, code)
    }
  })
})

describe('failure counts', () => {
  const zero: FailureCounts = { tries: 0, rejections: 0 }
  const rejected = (retryAfterMs?: number) => countFailure({ code: 'IMG_ERR_AZURE_RATE_LIMIT', retryAfterMs }, zero)

  test('a 429 counts as a try only without a time', (t: TestContext) => {
    t.assert.deepEqual(
      [rejected(0), rejected()],
      [
        { tries: 0, rejections: 1 },
        { tries: 1, rejections: 1 },
      ],
    )
  })

  test('a wrong route or credential is not a try', (t: TestContext) => {
    const failure = (code: AzureErrorCode) => countFailure({ code, retryAfterMs: undefined }, zero)
    t.assert.deepEqual([failure('IMG_ERR_AZURE_NOT_FOUND'), failure('IMG_ERR_AZURE_CREDENTIAL')], [zero, zero])
  })
})
