import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type { AzureEvents, StatusClass } from '../../../services/azure/events.ts'
import { errorTable } from '../../../services/errors/error-table.ts'
import {
  afterBody,
  callContext,
  clientOf,
  deploymentOf,
  failureOf,
  fakeAzure,
  imageResult,
  listenOnLoopback,
  responding,
} from '../../support/fake-azure.ts'

type Behaviour = Parameters<typeof fakeAzure>[1]

interface Row {
  fault: string
  behave: Behaviour
  code: keyof typeof errorTable
  /** Requests whose head Azure saw. */
  requests: number
  /** How the metrics class them. */
  classes: StatusClass[]
  deadlineMs?: number
}

const json = (code: string, message: string) => ({ error: { code, message } })
const repeat = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)
const half = Buffer.from(JSON.stringify(imageResult)).subarray(0, 60)
const page = '<html><body>Bad gateway</body></html>'

const once: Row[] = [
  {
    fault: 'a reset before the body is read',
    behave: (request) => request.socket.resetAndDestroy(),
    code: 'IMG_ERR_AZURE_LOST',
    requests: 1,
    classes: ['lost'],
  },
  {
    fault: 'a reset after the body',
    behave: afterBody((response) => response.socket?.resetAndDestroy()),
    code: 'IMG_ERR_AZURE_LOST',
    requests: 1,
    classes: ['lost'],
  },
  {
    fault: 'no headers',
    behave: afterBody(() => {}),
    code: 'IMG_ERR_AZURE_TIMEOUT',
    requests: 1,
    classes: ['timeout'],
    deadlineMs: 2_000,
  },
  {
    fault: 'half a body',
    behave: afterBody((response) => {
      response.writeHead(200, { 'content-length': '10000' }).write(half, () => response.destroy())
    }),
    code: 'IMG_ERR_AZURE_LOST',
    requests: 1,
    classes: ['lost'],
  },
  {
    fault: 'invalid JSON',
    behave: responding(200, '{"data":[{]}'),
    code: 'IMG_ERR_AZURE_BAD_RESPONSE',
    requests: 1,
    classes: ['2xx'],
  },
  {
    fault: '202 without an image',
    behave: responding(202, { id: 'x', status: 'queued', url: 'https://localhost/operations/x' }),
    code: 'IMG_ERR_AZURE_BAD_RESPONSE',
    requests: 1,
    classes: ['2xx'],
  },
  {
    fault: 'a response 10 times too large',
    behave: responding(200, { data: [{ b64_json: 'AAAA'.repeat(2_500_000) }] }),
    code: 'IMG_ERR_AZURE_RESPONSE_TOO_LARGE',
    requests: 1,
    classes: ['lost'],
  },
  {
    fault: '408',
    behave: responding(408, json('Timeout', 'The operation was timeout.')),
    code: 'IMG_ERR_AZURE_TIMEOUT',
    requests: 1,
    classes: ['4xx'],
  },
  {
    fault: '500 in JSON',
    behave: responding(500, json('InternalServerError', 'x')),
    code: 'IMG_ERR_AZURE_FAILED',
    requests: 3,
    classes: repeat(3, '5xx'),
  },
  {
    fault: '503 in JSON',
    behave: responding(503, json('ServiceUnavailable', 'x')),
    code: 'IMG_ERR_AZURE_UNAVAILABLE',
    requests: 3,
    classes: repeat(3, '5xx'),
  },
  {
    fault: '500 as a page',
    behave: responding(500, page),
    code: 'IMG_ERR_AZURE_UNCLEAR',
    requests: 1,
    classes: ['5xx'],
  },
  {
    fault: '502',
    behave: responding(502, json('BadGateway', 'x')),
    code: 'IMG_ERR_AZURE_UNCLEAR',
    requests: 1,
    classes: ['5xx'],
  },
  {
    fault: '503 as a page',
    behave: responding(503, page),
    code: 'IMG_ERR_AZURE_UNCLEAR',
    requests: 1,
    classes: ['5xx'],
  },
  {
    fault: '504',
    behave: responding(504, json('Timeout', 'x')),
    code: 'IMG_ERR_AZURE_TIMEOUT',
    requests: 1,
    classes: ['5xx'],
  },
  {
    fault: '401 with a key that stays',
    behave: responding(401, json('401', 'Access denied')),
    code: 'IMG_ERR_AZURE_CREDENTIAL',
    requests: 1,
    classes: ['4xx'],
  },
  {
    fault: '403 of the network',
    behave: responding(403, json('403', 'Public access is disabled.')),
    code: 'IMG_ERR_AZURE_FORBIDDEN',
    requests: 1,
    classes: ['4xx'],
  },
  {
    fault: 'an account block',
    behave: responding(
      403,
      json(
        'Forbidden',
        'Your resource has been temporarily blocked because we detected behavior that may violate our content policy.',
      ),
    ),
    code: 'IMG_ERR_AZURE_ACCOUNT_BLOCKED',
    requests: 1,
    classes: ['4xx'],
  },
  {
    fault: '404',
    behave: responding(404, json('DeploymentNotFound', 'x')),
    code: 'IMG_ERR_AZURE_DEPLOYMENT',
    requests: 1,
    classes: ['4xx'],
  },
  { fault: '413', behave: responding(413, ''), code: 'IMG_ERR_AZURE_TOO_LARGE', requests: 1, classes: ['4xx'] },
  {
    fault: 'a 429 that names no time',
    behave: responding(429, json('429', 'Rate limit is exceeded')),
    code: 'IMG_ERR_AZURE_RATE_LIMIT',
    requests: 3,
    classes: repeat(3, '429'),
  },
  {
    fault: 'a 429 that names a time after the deadline',
    behave: responding(429, json('429', 'x'), { 'retry-after': '3600' }),
    code: 'IMG_ERR_AZURE_RATE_LIMIT',
    requests: 1,
    classes: ['429'],
  },
  {
    fault: 'a used up spending limit',
    behave: responding(429, json('insufficient_quota', 'You exceeded your current quota'), { 'retry-after': '1' }),
    code: 'IMG_ERR_AZURE_SPENDING_LIMIT',
    requests: 1,
    classes: ['429'],
  },
  {
    fault: '499 of a gateway',
    behave: responding(499, page),
    code: 'IMG_ERR_AZURE_UNCLEAR',
    requests: 1,
    classes: ['4xx'],
  },
  {
    fault: '200 without an image',
    behave: responding(200, { data: [] }),
    code: 'IMG_ERR_AZURE_NO_IMAGE',
    requests: 1,
    classes: ['2xx'],
  },
  {
    fault: '200 whose filter took the image',
    behave: responding(200, { data: [{ content_filter_results: { sexual: { filtered: true, severity: 'high' } } }] }),
    code: 'IMG_ERR_AZURE_CONTENT',
    requests: 1,
    classes: ['2xx'],
  },
]

function counting(classes: StatusClass[]): AzureEvents {
  return {
    requestStarted() {},
    requestEnded: ({ statusClass }) => classes.push(statusClass),
    imagesGenerated() {},
  }
}

describe('fault matrix', () => {
  for (const { fault, behave, code, requests, classes, deadlineMs = 20_000 } of once) {
    test(`${fault}: ${code}, and Azure saw ${requests}`, async (t: TestContext) => {
      const azure = await fakeAzure(t, behave)
      const seen: StatusClass[] = []
      // The quota's minute is shortened to a fifth of a second.
      const deployment = deploymentOf(azure.url, 'gpt-image-2', { minuteMs: 200 })
      const images = clientOf(t, [deployment], { events: counting(seen) })
      const call = images.generate({ prompt: 'A boat' }, callContext({ deadlineAt: performance.now() + deadlineMs }))
      const error = await failureOf(t, call)
      t.assert.equal(error.code, code)
      t.assert.equal(azure.seen.length, requests)
      t.assert.deepEqual(seen, classes)
      t.assert.equal(error.retryable, errorTable[code].retryable)
    })
  }

  test('a rejected connection: tried three times, Azure saw nothing', async (t: TestContext) => {
    const seen: StatusClass[] = []
    const images = clientOf(t, [deploymentOf('http://127.0.0.1:9', 'gpt-image-2')], { events: counting(seen) })
    const error = await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_UNREACHABLE')
    t.assert.deepEqual(seen, repeat(3, 'connect_error'))
  })

  test('a certificate that is not trusted: tried three times, Azure saw nothing', async (t: TestContext) => {
    const fixture = (name: string) => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8')
    const tls = { key: fixture('localhost.key'), cert: fixture('localhost.crt') }
    const azure = await fakeAzure(t, responding(200, imageResult), tls)
    const error = await failureOf(
      t,
      clientOf(t, [deploymentOf(azure.url)]).generate({ prompt: 'A boat' }, callContext()),
    )
    t.assert.equal(error.code, 'IMG_ERR_AZURE_TLS')
    t.assert.equal(azure.seen.length, 0)
  })

  test('something that is not TLS at all: Azure saw nothing', async (t: TestContext) => {
    const port = await listenOnLoopback(
      t,
      createServer((socket) => socket.end('hello')),
    )
    const images = clientOf(t, [deploymentOf(`https://127.0.0.1:${port}`)])
    t.assert.equal((await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))).family, 'upstream')
  })

  const waits: readonly [string, Record<string, string>, number][] = [
    ['retry-after-ms', { 'retry-after-ms': '300' }, 300],
    ['retry-after in seconds', { 'retry-after': '1' }, 1000],
    ['both, the finer one counts', { 'retry-after-ms': '300', 'retry-after': '60' }, 300],
  ]
  for (const [name, headers, leastMs] of waits) {
    test(`a 429 with ${name} is waited out, and does not count as a try`, async (t: TestContext) => {
      let rejections = 4
      const azure = await fakeAzure(
        t,
        afterBody((response) => {
          if (rejections-- > 0) response.writeHead(429, headers).end(JSON.stringify(json('429', 'x')))
          else response.end(JSON.stringify(imageResult))
        }),
      )
      const startedAt = performance.now()
      const deployment = deploymentOf(azure.url, 'gpt-image-2', { minuteMs: 200 })
      await clientOf(t, [deployment]).generate(
        { prompt: 'A boat' },
        callContext({ deadlineAt: performance.now() + 30_000 }),
      )
      t.assert.equal(azure.seen.length, 5)
      t.assert.ok(performance.now() - startedAt >= 4 * leastMs)
    })
  }

  test('a disconnect during a pause for the quota ends the call', async (t: TestContext) => {
    const caller = new AbortController()
    const azure = await fakeAzure(
      t,
      afterBody((response) => {
        response.writeHead(429, { 'retry-after': '5' }).end(JSON.stringify(json('429', 'x')))
        setTimeout(() => caller.abort(), 50)
      }),
    )
    const call = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2')]).generate(
      { prompt: 'A boat' },
      callContext({ signal: caller.signal }),
    )
    t.assert.equal((await failureOf(t, call)).code, 'IMG_ERR_CANCELLED')
    t.assert.equal(azure.seen.length, 1)
  })
})
