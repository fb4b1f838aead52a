import { readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { requestCodes } from '../../services/azure/events.ts'
import { buildApp } from '../support/app.ts'
import { afterBody, callContext, fakeAzure, fileOf, imageResult, responding } from '../support/fake-azure.ts'
import { waitFor } from '../support/wait-for.ts'

const args = { prompt: 'A boat' }
const call = (prompt = args.prompt) => ({
  method: 'POST' as const,
  url: '/',
  payload: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'generate_image', arguments: { prompt } } },
})

type Built = Awaited<ReturnType<typeof buildApp>>
const ready = async ({ app }: Built) => {
  const response = await app.inject('/ready')
  return { code: response.statusCode, text: response.body, ...response.json() }
}
const seriesOf = async ({ app }: Built, name: string) =>
  (await app.metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(`image_mcp_${name}`))

describe('/ready', () => {
  test('shows of each deployment the last success, the last failure and its code, and stays 200', async (t: TestContext) => {
    const good = await fakeAzure(
      t,
      responding(200, imageResult, { 'x-ratelimit-limit-requests': '30', 'x-ratelimit-remaining-requests': '29' }),
    )
    const bad = await fakeAzure(t, responding(401, { error: { code: '401', message: 'the-secret-key is wrong' } }))
    const file = await fileOf(t, {
      deployments: [
        { name: 'good', model: 'gpt-image-2', base_url: good.url, key: 'the-secret-key', priority: 1 },
        { name: 'bad', model: 'gpt-image-2', base_url: bad.url, key: 'the-secret-key' },
        { name: 'new', model: 'gpt-image-2', base_url: bad.url, key: 'the-secret-key' },
      ],
    })
    const built = await buildApp(t, { AZURE_DEPLOYMENTS_FILE: file })
    const before = new Date().toISOString()
    await built.app.azureImages.generate({ ...args, deployment: 'good' }, callContext())
    await t.assert.rejects(built.app.azureImages.generate({ ...args, deployment: 'bad' }, callContext()))
    const { code, text, azure } = await ready(built)
    t.assert.equal(code, 200)
    t.assert.partialDeepStrictEqual(azure, {
      good: { state: 'working', waiting: 0, quotaPerMinute: 30, quotaRemaining: 29, blocked: false },
      bad: { state: 'failing', lastFailureCode: 'IMG_ERR_AZURE_CREDENTIAL' },
      new: { state: 'not used yet' },
    })
    t.assert.ok(azure.good.lastSuccess >= before && azure.bad.lastFailure >= before)
    t.assert.doesNotMatch(text, /the-secret-key|address:/)
    t.assert.match(text, /"status":"ready"/)
  })

  test('is degraded, and still 200, while every deployment fails, and ready after the next success', async (t: TestContext) => {
    const statuses = [401, 200]
    const azure = await fakeAzure(
      t,
      afterBody((response) => {
        const status = statuses.shift() ?? 200
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(status === 200 ? imageResult : { error: { code: '401', message: 'x' } }))
      }),
    )
    const built = await buildApp(t, { AZURE_BASE_URL: azure.url })
    t.assert.equal((await ready(built)).text.includes('"status":"ready"'), true)
    await t.assert.rejects(built.app.azureImages.generate(args, callContext()))
    const failing = await ready(built)
    t.assert.deepEqual([failing.code, failing.status], [200, 'degraded'])
    await built.app.azureImages.generate(args, callContext())
    t.assert.match((await ready(built)).text, /"status":"ready"/)
  })

  test('names what an operator has to repair also while later calls fail because of a client or the quota', async (t: TestContext) => {
    const statuses = [401, 400]
    const azure = await fakeAzure(
      t,
      afterBody((response) => {
        response.writeHead(statuses.shift() ?? 200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ error: { code: 'x', message: 'x' } }))
      }),
    )
    const built = await buildApp(t, { AZURE_BASE_URL: azure.url, AZURE_API_DIALECT: 'deployments' })
    for (const code of ['IMG_ERR_AZURE_CREDENTIAL', 'IMG_ERR_AZURE_REJECTED']) {
      await t.assert.rejects(built.app.azureImages.generate(args, callContext()), { code })
      t.assert.deepEqual((await ready(built)).faults, ['IMG_ERR_AZURE_CREDENTIAL'])
    }
  })

  test('a prompt that the content filter rejects is no failure of the deployment', async (t: TestContext) => {
    const filtered = { error: { code: 'contentFilter', message: 'x' } }
    const azure = await fakeAzure(t, responding(400, filtered))
    const built = await buildApp(t, { AZURE_BASE_URL: azure.url, AZURE_API_DIALECT: 'deployments' })
    await t.assert.rejects(built.app.azureImages.generate(args, callContext()), { code: 'IMG_ERR_AZURE_CONTENT' })
    const { azure: states, text } = await ready(built)
    t.assert.equal(states['FLUX.1-Kontext-pro'].state, 'not used yet')
    t.assert.match(text, /"status":"ready"/)
    t.assert.deepEqual(
      (await seriesOf(built, 'azure_requests_total')).filter((line) => !line.endsWith(' 0')),
      [
        'image_mcp_azure_requests_total{deployment="FLUX.1-Kontext-pro",operation="generate",code="IMG_ERR_AZURE_CONTENT"} 1',
      ],
    )
  })

  test('shows calls that wait for the quota, and so do the metrics', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(429, { error: { code: '429' } }, { 'retry-after': '60' }))
    const built = await buildApp(t, { AZURE_BASE_URL: azure.url })
    const stopped = new AbortController()
    const waiting = built.app.azureImages
      .generate(args, callContext({ signal: stopped.signal, deadlineAt: performance.now() + 300_000 }))
      .catch(() => {})
    await waitFor('the wait', async () => (await ready(built)).azure['FLUX.1-Kontext-pro'].waiting === 1)
    const { status, azure: states } = await ready(built)
    t.assert.equal(status, 'ready')
    t.assert.partialDeepStrictEqual(states['FLUX.1-Kontext-pro'], {
      state: 'waiting for quota',
      lastFailureCode: 'IMG_ERR_AZURE_RATE_LIMIT',
    })
    t.assert.deepEqual(await seriesOf(built, 'azure_waiting{'), [
      'image_mcp_azure_waiting{deployment="FLUX.1-Kontext-pro"} 1',
    ])
    stopped.abort()
    await waiting
    t.assert.deepEqual(await seriesOf(built, 'azure_waiting{'), [
      'image_mcp_azure_waiting{deployment="FLUX.1-Kontext-pro"} 0',
    ])
    t.assert.deepEqual(await seriesOf(built, 'azure_wait_seconds_count'), [
      'image_mcp_azure_wait_seconds_count{deployment="FLUX.1-Kontext-pro"} 1',
    ])
  })
})

describe('metrics', () => {
  test('have every code of every deployment before the first request, and only codes of the error table', async (t: TestContext) => {
    const built = await buildApp(t)
    const codes = (await seriesOf(built, 'azure_requests_total')).map((line) => /code="([^"]+)"\} 0$/.exec(line)?.[1])
    t.assert.deepEqual(new Set(codes), new Set(requestCodes))
    for (const name of [
      'tool_calls_total{',
      'limit_rejections_total{',
      'abandoned_results_total{',
      'azure_wait_seconds_count',
      'azure_images_total{',
      'azure_tokens_total{',
      'azure_megapixels_total{',
      'azure_cost_usd_total{',
      'azure_unpriced_images_total{',
    ]) {
      const lines = await seriesOf(built, name)
      t.assert.ok(lines.length > 0 && lines.every((line) => line.endsWith(' 0')), name)
    }
  })

  test('of images, usage and cost name deployment and model', async (t: TestContext) => {
    const usage = { input_tokens: 30, input_tokens_details: { text_tokens: 10, image_tokens: 20 }, output_tokens: 400 }
    const azure = await fakeAzure(t, responding(200, { ...imageResult, usage }))
    const deployments = ['east', 'west'].map((name) => ({ name, model: 'gpt-image-2', base_url: azure.url, key: 'k1' }))
    const built = await buildApp(t, { AZURE_DEPLOYMENTS_FILE: await fileOf(t, { deployments }) })
    for (const deployment of ['east', 'west', 'west']) {
      await built.app.azureImages.generate({ ...args, deployment }, callContext())
    }
    const counted = async (name: string) => (await seriesOf(built, name)).filter((line) => !line.endsWith(' 0'))
    t.assert.deepEqual(await counted('azure_images_total'), [
      'image_mcp_azure_images_total{deployment="east",model="gpt-image-2"} 1',
      'image_mcp_azure_images_total{deployment="west",model="gpt-image-2"} 2',
    ])
    t.assert.deepEqual(await counted('azure_tokens_total'), [
      'image_mcp_azure_tokens_total{deployment="east",model="gpt-image-2",kind="text_in"} 10',
      'image_mcp_azure_tokens_total{deployment="east",model="gpt-image-2",kind="image_in"} 20',
      'image_mcp_azure_tokens_total{deployment="east",model="gpt-image-2",kind="out"} 400',
      'image_mcp_azure_tokens_total{deployment="west",model="gpt-image-2",kind="text_in"} 20',
      'image_mcp_azure_tokens_total{deployment="west",model="gpt-image-2",kind="image_in"} 40',
      'image_mcp_azure_tokens_total{deployment="west",model="gpt-image-2",kind="out"} 800',
    ])
    const costs = (await counted('azure_cost_usd_total')).map((line) => line.replace(/ .*/, ''))
    t.assert.deepEqual(costs, [
      'image_mcp_azure_cost_usd_total{deployment="east",model="gpt-image-2"}',
      'image_mcp_azure_cost_usd_total{deployment="west",model="gpt-image-2"}',
    ])
  })

  test('have every reason for which a limit rejects', async (t: TestContext) => {
    const known = (await seriesOf(await buildApp(t), 'limit_rejections_total{')).map(
      (line) => /reason="(\w+)"/.exec(line)?.[1],
    )
    const used = ['auth', 'body-limits', 'connections', 'graceful-shutdown', 'load-shedding', 'rate-limit'].flatMap(
      (plugin) => {
        const text = readFileSync(new URL(`../../plugins/${plugin}.ts`, import.meta.url), 'utf8')
        return [
          ...text.matchAll(/rejections\.(?:inc\(\{ reason: |labels\()'(\w+)'|rejectBody\(reason: '(\w+)' \| '(\w+)'/g),
        ].flatMap((found) => found.slice(1))
      },
    )
    for (const reason of used) if (reason !== undefined) t.assert.ok(known.includes(reason), reason)
  })
})

test('every failure of a request that clients do not cause has an alert, and alerts name existing codes', (t: TestContext) => {
  const rules = readFileSync(new URL('../../deploy/prometheus/alerts.yml', import.meta.url), 'utf8')
  const alerted = [...rules.matchAll(/code=~"IMG_ERR_AZURE_\(([A-Z_|]+)\)"/g)].flatMap(([, names = '']) =>
    names.split('|').map((name) => `IMG_ERR_AZURE_${name}`),
  )
  const byClients = ['REJECTED', 'TOO_LARGE', 'IMAGE', 'MASK'].map((name) => `IMG_ERR_AZURE_${name}`)
  const byGauge = 'IMG_ERR_AZURE_ACCOUNT_BLOCKED'
  t.assert.deepEqual(new Set([...alerted, ...byClients, byGauge, 'ok']), new Set(requestCodes))
})

test('a call that succeeds is one line with caller, deployment, model, usage and cost', async (t: TestContext) => {
  const azure = await fakeAzure(
    t,
    responding(200, { ...imageResult, usage: { input_tokens: 10, output_tokens: 1_000_000 } }),
  )
  const file = await fileOf(t, {
    deployments: [{ name: 'ours', model: 'gpt-image-2', base_url: azure.url, key: 'k1' }],
  })
  const { app, logs } = await buildApp(t, { AZURE_DEPLOYMENTS_FILE: file })
  await app.inject(call())
  const [line, another] = logs.entries.filter(({ msg }) => msg === 'images generated')
  t.assert.partialDeepStrictEqual(line, {
    caller: 'address:127.0.0.1',
    deployment: 'ours',
    model: 'gpt-image-2',
    count: 1,
  })
  t.assert.ok(Number(line?.costUsd) > 0)
  t.assert.equal(another, undefined)
})

describe('a call that fails', () => {
  for (const [name, environment, facts] of [
    ['without a connection', {}, { code: 'IMG_ERR_AZURE_UNREACHABLE', host: '127.0.0.1:9', reason: 'ECONNREFUSED' }],
    [
      'without a host',
      { AZURE_BASE_URL: 'https://nowhere.invalid' },
      { code: 'IMG_ERR_AZURE_UNREACHABLE', host: 'nowhere.invalid', reason: /^(ENOTFOUND|EAI_AGAIN)$/ },
    ],
  ] as const) {
    test(`${name} is one line with host, code and reason, and without a stack`, async (t: TestContext) => {
      const { app, logs } = await buildApp(t, environment)
      await app.inject(call())
      const warnings = logs.entries.filter(({ level }) => Number(level) >= 40)
      t.assert.equal(warnings.length, 1)
      const [line = {}] = warnings
      t.assert.match(
        String(line.reason),
        facts.reason instanceof RegExp ? facts.reason : new RegExp(`^${facts.reason}$`),
      )
      t.assert.partialDeepStrictEqual(line, {
        code: facts.code,
        host: facts.host,
        deployment: 'FLUX.1-Kontext-pro',
        tool: 'generate_image',
        caller: 'address:127.0.0.1',
      })
      t.assert.doesNotMatch(logs.text, /frames/)
    })
  }

  test('is one line for each status of Azure too', async (t: TestContext) => {
    for (const [status, code] of [
      [401, 'IMG_ERR_AZURE_CREDENTIAL'],
      [403, 'IMG_ERR_AZURE_FORBIDDEN'],
      [200, 'IMG_ERR_AZURE_NO_IMAGE'],
    ] as const) {
      const azure = await fakeAzure(t, responding(status, { data: [] }, { 'apim-request-id': 'abc-1' }))
      const { app, logs } = await buildApp(t, { AZURE_BASE_URL: azure.url })
      await app.inject(call())
      const warnings = logs.entries.filter(({ level }) => Number(level) >= 40)
      t.assert.deepEqual(
        warnings.map((line) => [line.code, line.azureRequestId, line.host]),
        [[code, 'abc-1', new URL(azure.url).host]],
      )
    }
  })
})
