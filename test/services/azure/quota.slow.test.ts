import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { keyFileCredential, tokenCredential } from '../../../services/azure/credential.ts'
import { createRateLimiter } from '../../../services/azure/rate-limiter.ts'
import { ServiceError } from '../../../services/errors/errors.ts'
import {
  afterBody,
  callContext,
  clientOf,
  deploymentOf,
  failureOf,
  fakeAzure,
  imageResult,
  responding,
} from '../../support/fake-azure.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'

const rateLimited = { error: { code: '429', message: 'Rate limit is exceeded' } }

/** Azure with so many requests a minute, enforced over a tenth of it as well. */
function limitedAzure(t: TestContext, requestsPerMinute: number, minuteMs: number) {
  const starts: number[] = []
  const prompts: string[] = []
  let rejections = 0
  const behave = afterBody((response, seen) => {
    const now = Date.now()
    const headers = { 'x-ratelimit-limit-requests': String(requestsPerMinute) }
    const inMinute = starts.filter((start) => start > now - minuteMs)
    const [oldest] = inMinute
    if (inMinute.length >= requestsPerMinute && oldest !== undefined) {
      rejections++
      const waitMs = oldest + minuteMs - now
      response.writeHead(429, { ...headers, 'retry-after-ms': String(waitMs) }).end(JSON.stringify(rateLimited))
      return
    }
    starts.push(now)
    prompts.push(JSON.parse(seen.body.toString()).prompt)
    response.writeHead(200, headers).end(JSON.stringify(imageResult))
  })
  return { azure: fakeAzure(t, behave), prompts, rejected: () => rejections }
}

describe('quota', () => {
  test('50 calls at 10 requests per minute: none fails, no 429 is returned, and the order is fair', async (t: TestContext) => {
    const minuteMs = 3_000
    const { azure, prompts, rejected } = limitedAzure(t, 10, minuteMs)
    const { url } = await azure
    const images = clientOf(t, [deploymentOf(url, 'gpt-image-2', { minuteMs })])
    const calls = Array.from({ length: 50 }, (_unused, index) =>
      images.generate({ prompt: String(index) }, callContext({ deadlineAt: performance.now() + 60_000 })),
    )
    const responses = await Promise.all(calls)
    t.assert.equal(responses.length, 50)
    // On a busy machine two requests may arrive closer together than they were sent; the second is sent again.
    t.assert.ok(rejected() <= 2, `${rejected()} rejections`)
    t.assert.equal(new Set(prompts).size, 50)
    // The first four run concurrently and may overtake each other; so may a request that was sent again.
    const late = prompts.filter((prompt, place) => Math.abs(Number(prompt) - place) > 4)
    t.assert.deepEqual(late, [])
  })

  test('a full queue rejects at once, with a time to retry', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const deployment = deploymentOf(azure.url, 'gpt-image-2', { requestsPerMinute: 60, maxWaiting: 3, minuteMs: 3_000 })
    const images = clientOf(t, [deployment])
    const calls = Array.from({ length: 10 }, () => images.generate({ prompt: 'A boat' }, callContext()))
    const results = await Promise.allSettled(calls)
    const rejected = results.filter((result) => result.status === 'rejected')
    t.assert.equal(rejected.length, 6)
    for (const { reason } of rejected) {
      t.assert.ok(reason instanceof ServiceError)
      t.assert.equal(reason.code, 'IMG_ERR_AZURE_BUSY')
      t.assert.match(reason.message, /Try again in \d+ s/)
    }
    t.assert.equal(azure.seen.length, 4)
  })

  test('a wait beyond the deadline is rejected at once', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2', { requestsPerMinute: 1 })])
    await images.generate({ prompt: 'A boat' }, callContext())
    const startedAt = Date.now()
    const error = await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_BUSY')
    t.assert.ok(Date.now() - startedAt < 8_000)
  })

  test('429s until the deadline are reported as what they are', async (t: TestContext) => {
    const waits: readonly [string, Parameters<typeof fakeAzure>[1]][] = [
      ['a header', responding(429, rateLimited, { 'retry-after-ms': '2100' })],
      ['a text', responding(429, { error: { code: '429', message: 'Please retry after 2100 ms.' } })],
    ]
    async function check([name, behave]: (typeof waits)[number]): Promise<void> {
      const azure = await fakeAzure(t, behave)
      const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2', { minuteMs: 200 })])
      // Far from the moment of any request: the last one is sent after 6.3 s.
      const context = callContext({ deadlineAt: performance.now() + 7_300 })
      const error = await failureOf(t, images.generate({ prompt: 'A boat' }, context))
      const sent = azure.seen.length
      t.assert.ok(sent > 2, `${sent} after ${name}`)
      t.assert.equal(error.code, 'IMG_ERR_AZURE_RATE_LIMIT', name)
      t.assert.match(
        error.message,
        new RegExp(`quota .* is used up: the request was sent ${sent} times and never accept`),
      )
      t.assert.match(error.message, /nothing was generated or billed\. Try again in \d+ s/)
    }
    await Promise.all(waits.map(check))
  })

  test('a used up spending limit neither pauses nor slows the deployment', async (t: TestContext) => {
    let isSpent = true
    const spent = { error: { code: 'insufficient_quota', message: 'Try again in 200 seconds.' } }
    const azure = await fakeAzure(
      t,
      afterBody((response) =>
        response.writeHead(isSpent ? 429 : 200).end(JSON.stringify(isSpent ? spent : imageResult)),
      ),
    )
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2')])
    const startedAt = performance.now()
    for (const _each of [1, 2, 3]) {
      const error = await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))
      t.assert.equal(error.code, 'IMG_ERR_AZURE_SPENDING_LIMIT')
    }
    isSpent = false
    await images.generate({ prompt: 'A boat' }, callContext())
    t.assert.equal(azure.seen.length, 4)
    t.assert.ok(performance.now() - startedAt < 9_000)
  })

  test('MAX_QUEUE_WAIT_MS bounds the wait for a turn, but not the work of Azure', async (t: TestContext) => {
    const azure = await fakeAzure(
      t,
      afterBody((response) => setTimeout(() => response.end(JSON.stringify(imageResult)), 400)),
    )
    const deployment = deploymentOf(azure.url, 'gpt-image-2', { requestsPerMinute: 60, minuteMs: 10_000 })
    const images = clientOf(t, [deployment], { maxQueueMs: 250 })
    const generate = () => images.generate({ prompt: 'A boat' }, callContext())
    const [first, second, third] = await Promise.allSettled([generate(), generate(), generate()])
    t.assert.equal(first.status, 'fulfilled')
    t.assert.equal(second.status, 'fulfilled')
    t.assert.ok(third.status === 'rejected' && third.reason instanceof ServiceError)
    t.assert.equal(third.reason.code, 'IMG_ERR_AZURE_BUSY')
    t.assert.match(third.reason.message, /was not sent.*Try again in 1 s/)
    t.assert.equal(azure.seen.length, 2)
  })

  test('MAX_QUEUE_WAIT_MS bounds all waits of a call together', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(429, rateLimited, { 'retry-after-ms': '300' }))
    const deployment = deploymentOf(azure.url, 'gpt-image-2', { minuteMs: 200 })
    const images = clientOf(t, [deployment], { maxQueueMs: 800 })
    const startedAt = performance.now()
    const error = await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))
    t.assert.ok(performance.now() - startedAt < 9_000)
    t.assert.equal(error.code, 'IMG_ERR_AZURE_RATE_LIMIT')
    t.assert.match(error.message, new RegExp(`sent ${azure.seen.length} times.*Try again in \\d+ s`))
  })

  test('a pause longer than MAX_QUEUE_WAIT_MS fails at once with a time to retry', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(429, rateLimited, { 'retry-after': '26' }))
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2')], { maxQueueMs: 0 })
    const context = () => callContext({ deadlineAt: performance.now() + 60_000 })
    const first = await failureOf(t, images.generate({ prompt: 'A boat' }, context()))
    t.assert.match(first.message, /sent once and never accepted.*Try again in 26 s/)
    const second = await failureOf(t, images.generate({ prompt: 'A boat' }, context()))
    t.assert.match(second.message, /was not sent.*Try again in 26 s/)
    t.assert.equal(azure.seen.length, 1)
  })

  test('a pause longer than a timer can be does not spin', async (t: TestContext) => {
    const warnings: string[] = []
    const listen = ({ name }: Error) => warnings.push(name)
    process.on('warning', listen)
    t.after(() => process.off('warning', listen))
    const limiter = createRateLimiter({ maxWaiting: 2, requestsPerMinute: 1 })
    const disconnected = new AbortController()
    const deadlineAt = performance.now() + 120_000
    const ticket = () => ({ caller: 'ann', signal: disconnected.signal, deadlineAt, waitUntil: deadlineAt })
    await limiter.acquire(ticket())
    const waiting = Promise.resolve(limiter.acquire(ticket()))
    limiter.pause(1e12)
    await new Promise((resolve) => setTimeout(resolve, 20))
    disconnected.abort()
    await t.assert.rejects(waiting, { code: 'IMG_ERR_CANCELLED' })
    t.assert.deepEqual(warnings, [])
  })

  test('an account block holds back further calls until the next probe', async (t: TestContext) => {
    let isBlocked = true
    const azure = await fakeAzure(
      t,
      afterBody((response) => {
        const block = { error: { code: 'Forbidden', message: 'Your resource has been temporarily blocked' } }
        response.writeHead(isBlocked ? 403 : 200).end(JSON.stringify(isBlocked ? block : imageResult))
      }),
    )
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2', { blockMs: 2_000 })])
    for (let call = 0; call < 5; call++) {
      const error = await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))
      t.assert.equal(error.code, 'IMG_ERR_AZURE_ACCOUNT_BLOCKED')
    }
    t.assert.equal(azure.seen.length, 1)
    isBlocked = false
    await waitFor('a probe of the account', async () => {
      await images.generate({ prompt: 'A boat' }, callContext())
      return azure.seen.length >= 2
    })
    await images.generate({ prompt: 'A boat' }, callContext())
    t.assert.equal(azure.seen.length, 3)
  })

  test('calls that wait while the account gets blocked are rejected at once, and none is sent', async (t: TestContext) => {
    const block = { error: { code: 'Forbidden', message: 'Your resource has been temporarily blocked' } }
    const azure = await fakeAzure(
      t,
      afterBody((response) => setTimeout(() => response.writeHead(403).end(JSON.stringify(block)), 200)),
    )
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2', { requestsPerMinute: 4 })])
    const startedAt = performance.now()
    const deadlineAt = startedAt + 60_000
    const calls = Array.from({ length: 3 }, () => images.generate({ prompt: 'A boat' }, callContext({ deadlineAt })))
    const codes = await Promise.all(calls.map(async (call) => (await failureOf(t, call)).code))
    t.assert.deepEqual(codes, Array(3).fill('IMG_ERR_AZURE_ACCOUNT_BLOCKED'))
    t.assert.ok(performance.now() - startedAt < 14_000)
    t.assert.equal(azure.seen.length, 1)
  })

  test('a blocked account is probed again although a fallback serves the calls', async (t: TestContext) => {
    const block = { error: { code: 'Forbidden', message: 'Your resource has been temporarily blocked' } }
    const first = await fakeAzure(t, responding(403, block))
    const second = await fakeAzure(t, responding(200, imageResult))
    const images = clientOf(t, [
      deploymentOf(first.url, 'gpt-image-2', { name: 'main', fallbacks: ['spare'], blockMs: 2_000 }),
      deploymentOf(second.url, 'gpt-image-2', { name: 'spare' }),
    ])
    await images.generate({ prompt: 'A boat' }, callContext())
    await images.generate({ prompt: 'A boat' }, callContext())
    t.assert.equal(first.seen.length, 1)
    await waitFor('a probe of the account', async () => {
      await images.generate({ prompt: 'A boat' }, callContext())
      return first.seen.length >= 2
    })
    t.assert.equal(first.seen.length, 2)
  })

  test('a rejection of the content filter opens no breaker', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(400, { error: { code: 'contentFilter', message: 'x' } }))
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2')])
    for (let call = 0; call < 3; call++) {
      const error = await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))
      t.assert.equal(error.code, 'IMG_ERR_AZURE_CONTENT')
    }
    t.assert.equal(azure.seen.length, 3)
  })
})

describe('failover', () => {
  const cases: readonly [string, Parameters<typeof fakeAzure>[1], boolean][] = [
    ['429', responding(429, rateLimited, { 'retry-after': '30' }), true],
    ['404', responding(404, { error: { code: 'DeploymentNotFound' } }), true],
    ['an account block', responding(403, { error: { code: 'Forbidden', message: 'temporarily blocked' } }), true],
    ['500', responding(500, { error: { code: 'x' } }), false],
    ['408', responding(408, { error: { code: 'Timeout' } }), false],
    ['a rejection', responding(400, { error: { code: 'content_filter' } }), false],
    ['a reset', afterBody((response) => response.socket?.resetAndDestroy()), false],
  ]
  for (const [name, behave, moves] of cases) {
    test(`${name} ${moves ? 'moves' : 'does not move'} to the fallback`, async (t: TestContext) => {
      const first = await fakeAzure(t, behave)
      const second = await fakeAzure(t, responding(200, imageResult))
      const images = clientOf(t, [
        deploymentOf(first.url, 'gpt-image-2', { name: 'main', fallbacks: ['spare'] }),
        deploymentOf(second.url, 'gpt-image-1.5', { name: 'spare' }),
      ])
      const request = { prompt: 'A boat', size: { width: 2048, height: 1152 }, quality: 'high' }
      const result = await images.generate(request, callContext()).catch((error: unknown) => error)
      t.assert.equal(second.seen.length, moves ? 1 : 0)
      t.assert.equal(result instanceof ServiceError, !moves)
      if (!moves) return
      t.assert.equal(first.seen.length, 1)
      // The size is fitted to the fallback's model.
      t.assert.equal(JSON.parse(String(second.seen[0]?.body)).size, '1536x1024')
    })
  }

  test('a rejected connection moves to the fallback', async (t: TestContext) => {
    const second = await fakeAzure(t, responding(200, imageResult))
    const images = clientOf(t, [
      deploymentOf('http://127.0.0.1:9', 'gpt-image-2', { name: 'main', fallbacks: ['spare'] }),
      deploymentOf(second.url, 'gpt-image-2', { name: 'spare' }),
    ])
    const response = await images.generate({ prompt: 'A boat' }, callContext())
    t.assert.deepEqual(response.producedBy, { deployment: 'spare', model: 'gpt-image-2' })
  })

  test('a fallback without the required capability is not used', async (t: TestContext) => {
    const second = await fakeAzure(t, responding(200, imageResult))
    const images = clientOf(t, [
      deploymentOf('http://127.0.0.1:9', 'gpt-image-2', { name: 'main', fallbacks: ['spare'] }),
      deploymentOf(second.url, 'FLUX.2-pro', { name: 'spare' }),
    ])
    await failureOf(t, images.generate({ prompt: 'A boat', n: 3 }, callContext()))
    t.assert.equal(second.seen.length, 0)
  })
})

describe('routes of FLUX.1', () => {
  const provider = /^\/providers\/blackforestlabs\/v1\/flux-kontext-pro\?api-version=preview$/
  const scoped = /^\/openai\/deployments\/FLUX\.1-Kontext-pro\/images\/generations\?api-version=/

  test('the provider route is tried first, then the other one, and the proven route is remembered', async (t: TestContext) => {
    const azure = await fakeAzure(t, (request, response, seen) => {
      const isProvider = provider.test(request.url ?? '')
      responding(isProvider ? 404 : 200, isProvider ? { error: { code: '404' } } : imageResult)(request, response, seen)
    })
    const images = clientOf(t, [deploymentOf(azure.url)])
    await images.generate({ prompt: 'A boat' }, callContext())
    await images.generate({ prompt: 'A boat' }, callContext())
    const urls = azure.seen.map(({ url }) => url)
    t.assert.equal(urls.length, 3)
    t.assert.match(urls[0] ?? '', provider)
    t.assert.match(urls[1] ?? '', scoped)
    t.assert.match(urls[2] ?? '', scoped)
  })

  test('with an API version set the deployment route is tried first', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const images = clientOf(t, [deploymentOf(azure.url, 'FLUX.1-Kontext-pro', { apiVersion: '2025-04-01-preview' })])
    await images.generate({ prompt: 'A boat' }, callContext())
    t.assert.match(azure.seen[0]?.url ?? '', scoped)
  })

  for (const [name, status, code] of [
    ['rejection', 400, 'content_filter'],
    ['credential', 401, '401'],
    ['quota', 429, '429'],
    ['202', 202, undefined],
  ] as const) {
    test(`a ${name} response does not try the other route`, async (t: TestContext) => {
      const azure = await fakeAzure(t, responding(status, { error: { code } }))
      await failureOf(t, clientOf(t, [deploymentOf(azure.url)]).generate({ prompt: 'A boat' }, callContext()))
      for (const { url } of azure.seen) t.assert.match(url, provider)
    })
  }
})

describe('credentials', () => {
  test('a key file that changes is read again, also when Azure rejects the old key', async (t: TestContext) => {
    const path = join(await temporaryFolder(t), 'key')
    await writeFile(path, 'first\n')
    let valid = 'first'
    const azure = await fakeAzure(t, (request, response, seen) => {
      const isValid = request.headers['api-key'] === valid
      responding(isValid ? 200 : 401, isValid ? imageResult : { error: { code: '401' } })(request, response, seen)
    })
    const images = clientOf(t, [
      deploymentOf(azure.url, 'gpt-image-2', { credential: keyFileCredential(path, 'first') }),
    ])
    await images.generate({ prompt: 'A boat' }, callContext())
    valid = 'second'
    await writeFile(path, 'second\n')
    await Promise.all([1, 2, 3].map(() => images.generate({ prompt: 'A boat' }, callContext())))
    t.assert.deepEqual(
      azure.seen.map(({ headers }) => headers['api-key']),
      ['first', 'second', 'second', 'second'],
    )
  })

  function tokens(lifetimeMs: number) {
    let issued = 0
    const source = {
      getToken: async () => ({ token: `token-${++issued}`, expiresOnTimestamp: Date.now() + lifetimeMs }),
    }
    return { credential: tokenCredential(async () => source), issued: () => issued }
  }

  test('a token is fetched once for many calls and sent as a bearer', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const { credential, issued } = tokens(3_600_000)
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2', { credential })])
    await Promise.all([1, 2, 3, 4].map(() => images.generate({ prompt: 'A boat' }, callContext())))
    t.assert.equal(issued(), 1)
    for (const { headers } of azure.seen) {
      t.assert.equal(headers.authorization, 'Bearer token-1')
      t.assert.equal(headers['api-key'], undefined)
    }
  })

  test('a token that ends soon is renewed before it is used', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const { credential, issued } = tokens(60_000)
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2', { credential })])
    await images.generate({ prompt: 'A boat' }, callContext())
    await images.generate({ prompt: 'A boat' }, callContext())
    t.assert.equal(issued(), 2)
  })

  test('a 401 refreshes the token once; a second one is returned', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(401, { statusCode: 401, message: 'expired' }))
    const { credential } = tokens(3_600_000)
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2', { credential })])
    const error = await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_CREDENTIAL')
    t.assert.deepEqual(
      azure.seen.map(({ headers }) => headers.authorization),
      ['Bearer token-1', 'Bearer token-2'],
    )
  })

  test('a refresh that never ends is given up at the deadline', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(401, { statusCode: 401, message: 'expired' }))
    const credential = {
      headers: () => ({ authorization: 'Bearer old' }),
      refreshCredential: () => new Promise<boolean>(() => {}),
      secrets: () => [],
    }
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2', { credential })])
    const context = callContext({ deadlineAt: performance.now() + 2_000 })
    t.assert.equal((await failureOf(t, images.generate({ prompt: 'A boat' }, context))).code, 'IMG_ERR_AZURE_NOT_SENT')
  })

  test('a rejected identity is reported by its codes alone', async (t: TestContext) => {
    const rejected = (code: string) =>
      new Error(`${code}: Invalid client secret provided Sec8Df3GhJk1ZxCv. Trace ID: 1`)
    const all = new AggregateError(
      [rejected('AADSTS7000215'), new Error('away', { cause: rejected('AADSTS700016') }), rejected('AADSTS7000215')],
      'no credential worked',
    )
    const credential = tokenCredential(async () => ({ getToken: () => Promise.reject(all) }))
    const { detail } = await failureOf(t, Promise.resolve(credential.headers('scope')))
    t.assert.deepEqual(detail, { entraCodes: 'AADSTS7000215 AADSTS700016' })
  })

  test('without a token nothing is sent', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const credential = tokenCredential(async () => ({ getToken: async () => null }))
    const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2', { credential })])
    t.assert.equal(
      (await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))).code,
      'IMG_ERR_AZURE_TOKEN',
    )
    t.assert.equal(azure.seen.length, 0)
  })
})
