import { describe, type TestContext, test } from 'node:test'
import { noTrace } from '../../services/telemetry/trace.ts'
import { buildApp, type LogLines } from '../support/app.ts'
import { type Collector, startCollector } from '../support/collector.ts'
import { callTool, post, startService } from '../support/service.ts'
import { waitFor } from '../support/wait-for.ts'

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}'

test('without a collector there are no traces, no exemplars and no OpenMetrics', async (t: TestContext) => {
  const { app } = await buildApp(t)
  t.assert.strictEqual(app.tracing.root, noTrace)
  const { headers } = await app.inject({ url: '/metrics', headers: { accept: 'application/openmetrics-text' } })
  t.assert.strictEqual(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
})

test('a collector gets protobuf by default, with the configured headers, name and attributes', async (t: TestContext) => {
  const collector = await startCollector(t, {
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%2Cb, api-key=secret==',
    OTEL_SERVICE_NAME: 'images',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=test,team=caf%C3%A9',
  })
  const { url } = await startService(t, collector.environment)
  await callTool(url, 'generate_image', { prompt: 'a red fox' })
  await collector.waitForSpans('POST /')
  const [headers] = collector.headers
  t.assert.deepStrictEqual(
    [headers?.['content-type'], headers?.['x-tenant'], headers?.['api-key']],
    ['application/x-protobuf', 'a,b', 'secret=='],
  )
  const { resource = {} } = collector.batches[0] ?? {}
  t.assert.deepStrictEqual(
    [resource['service.name'], resource['deployment.environment.name'], resource.team],
    ['images', 'test', 'café'],
  )
  const [azure] = await collector.waitForSpans('generate_content FLUX.1-Kontext-pro')
  t.assert.deepStrictEqual([azure?.kind, azure?.events], [3, ['sent', 'receiving']])
  t.assert.strictEqual(azure?.attributes['image_mcp.cost_usd'], 0.04)
  const [tool] = collector.spans.filter(({ name }) => name === 'execute_tool generate_image')
  t.assert.deepStrictEqual([azure?.parentSpanId, azure?.traceId], [tool?.spanId, tool?.traceId])
})

describe('a collector that fails', () => {
  const warnings = (logs: LogLines) => logs.entries.filter(({ msg }) => String(msg).startsWith('traces '))
  const seen = (collector: Collector, count: number) =>
    waitFor('requests to the collector', () => collector.bodies.length >= count)

  test('is reported once, as is its return', async (t: TestContext) => {
    const collector = await startCollector(t, { OTEL_EXPORTER_OTLP_HEADERS: 'api-key=CollectorKey7' })
    const { url, logs } = await startService(t, collector.environment)
    collector.status = 400
    for (const count of [1, 2, 3]) {
      await post(url, ping)
      await seen(collector, count)
    }
    await waitFor('the warning', () => warnings(logs).length === 1)
    collector.status = 200
    await post(url, ping)
    await waitFor('the end of it', () => warnings(logs).length === 2)
    const [failed, again] = warnings(logs)
    t.assert.strictEqual(failed?.msg, 'traces cannot be exported and are dropped; calls are not affected')
    t.assert.deepStrictEqual(Object(failed?.err).message, 'the collector responded with status 400')
    t.assert.strictEqual(again?.msg, 'traces are exported again')
    t.assert.ok(!logs.text.includes('CollectorKey7'))
  })

  test('is asked again within the time of an export', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url, logs } = await startService(t, collector.environment)
    collector.status = 503
    await post(url, ping)
    await seen(collector, 1)
    collector.status = 200
    await collector.waitForSpans('ping')
    t.assert.deepStrictEqual(warnings(logs), [])
  })

  test('neither delays a call nor the end of the process, if it does not respond', async (t: TestContext) => {
    const collector = await startCollector(t, { OTEL_BSP_MAX_QUEUE_SIZE: '4', OTEL_EXPORTER_OTLP_TIMEOUT: '60000' })
    const { app, url } = await startService(t, collector.environment)
    collector.status = undefined
    for (let count = 0; count < 20; count++) await post(url, ping)
    const { images } = await callTool(url, 'generate_image', { prompt: 'a red fox' })
    t.assert.strictEqual(images.length, 1)
    await seen(collector, 1)
    const startedAt = performance.now()
    await app.close()
    // SHUTDOWN_GRACE_MS is 200 in tests; an export would take a minute.
    t.assert.ok(performance.now() - startedAt < 30_000)
    t.assert.strictEqual(collector.spans.length, 0)
  })

  test('that is not there costs nothing but a warning', async (t: TestContext) => {
    const { url, logs } = await startService(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_BSP_SCHEDULE_DELAY: '20',
    })
    await post(url, ping)
    await waitFor('the warning', () => warnings(logs).length === 1)
    t.assert.strictEqual(Object(warnings(logs)[0]?.err).code, 'ECONNREFUSED')
  })
})

test('the last spans are exported at the end of the process', async (t: TestContext) => {
  const collector = await startCollector(t, { OTEL_BSP_SCHEDULE_DELAY: '600000', SHUTDOWN_GRACE_MS: '5000' })
  const { app, url } = await startService(t, collector.environment)
  await post(url, ping)
  await app.close()
  t.assert.ok(collector.spans.some(({ name }) => name === 'ping'))
})

describe('while traces are exported, metrics', () => {
  const scrape = async (url: string, accept?: string) => {
    const response = await fetch(`${url}/metrics`, { headers: accept === undefined ? {} : { accept } })
    return { type: response.headers.get('content-type'), text: await response.text() }
  }

  test('name a trace of each duration, for scrapers that accept OpenMetrics', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url } = await startService(t, collector.environment)
    await callTool(url, 'generate_image', { prompt: 'a red fox' })
    const [{ traceId = '' } = {}] = await collector.waitForSpans('execute_tool generate_image')
    const { type, text } = await scrape(url, 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5')
    t.assert.strictEqual(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    t.assert.match(text, /\n# TYPE image_mcp_tool_calls counter\n/)
    t.assert.ok(text.endsWith('\n# EOF\n'))
    for (const name of ['tool_call', 'azure_request', 'http_request']) {
      const lines = text.split('\n').filter((line) => line.startsWith(`image_mcp_${name}_duration_seconds_bucket`))
      t.assert.ok(
        lines.some((line) => line.includes(` # {trace_id="${traceId}"} `)),
        name,
      )
    }
  })

  test('are the same text for all others as without', async (t: TestContext) => {
    const collector = await startCollector(t)
    const without = await startService(t)
    const { url } = await startService(t, collector.environment)
    for (const each of [without.url, url]) {
      await callTool(each, 'generate_image', { prompt: 'a red fox' })
      // Rendered as OpenMetrics before, from which counters must get their names back.
      await scrape(each, 'application/openmetrics-text')
    }
    const [plain, other] = [await scrape(without.url), await scrape(url, 'text/plain')]
    t.assert.strictEqual(other.type, plain.type)
    const shape = (text: string) => text.replaceAll(/ [-+\w.]+$/gm, ' 0').replaceAll(/kind="\w+"/g, '')
    const ours = (text: string) =>
      shape(text)
        .split('\n\n')
        .filter((family) => family.includes('image_mcp_'))
    t.assert.deepStrictEqual(ours(other.text), ours(plain.text))
    t.assert.deepStrictEqual(other.text.match(/^# TYPE .*$/gm), plain.text.match(/^# TYPE .*$/gm))
  })
})
