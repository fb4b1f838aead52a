import { describe, type TestContext, test } from 'node:test'
import { minimalEnvironment } from '../support/app.ts'
import { startCollector } from '../support/collector.ts'
import { modernRequest } from '../support/modern-client.ts'
import type { ReceivedSpan } from '../support/otlp-protobuf.ts'
import { callTool, post, startContained, startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { startStdio } from '../support/stdio-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const traceparent = `00-${TRACE}-${PARENT}-01`
const generate = { name: 'generate_image', arguments: { prompt: 'a red fox' } }
const message = (params: object, method = 'tools/call') => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

/**
 * The spans below one; one with spans below it is a list that begins with its name. They are in the order in which they ended, which
 * is the order of their export: times of different spans are not exact enough to compare.
 */
function tree(spans: readonly ReceivedSpan[], parentSpanId = ''): unknown[] {
  return spans
    .filter((span) => span.parentSpanId === parentSpanId)
    .map((span) => {
      const below = tree(spans, span.spanId)
      return below.length === 0 ? span.name : [span.name, ...below]
    })
}

const tool = ['execute_tool generate_image', 'generate_content FLUX.1-Kontext-pro', 'store images']

describe('a call is one trace', () => {
  test('from its HTTP request to the stored image', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url, logs } = await startService(t, collector.environment)
    await callTool(`${url}/mcp`, 'generate_image', { prompt: 'a red fox' })
    const [http] = await collector.waitForSpans('POST /mcp')
    t.assert.deepStrictEqual(tree(collector.spans), [['POST /mcp', ['tools/call generate_image', tool]]])
    t.assert.deepStrictEqual([...new Set(collector.spans.map(({ traceId }) => traceId))], [http?.traceId])
    const facts = Object.fromEntries(collector.spans.map(({ name, attributes }) => [name, attributes]))
    const { 'server.address': host, ...azure } = facts['generate_content FLUX.1-Kontext-pro'] ?? {}
    t.assert.match(String(host), /^127\.0\.0\.1:\d+$/)
    t.assert.deepStrictEqual(
      { ...facts, 'generate_content FLUX.1-Kontext-pro': azure },
      {
        'POST /mcp': { 'http.request.method': 'POST', 'http.route': '/mcp', 'http.response.status_code': 200 },
        'tools/call generate_image': {
          'mcp.method.name': 'tools/call',
          'mcp.protocol.version': '2025-03-26',
          'network.transport': 'tcp',
          'jsonrpc.request.id': '7',
          'gen_ai.tool.name': 'generate_image',
          'gen_ai.operation.name': 'execute_tool',
        },
        'execute_tool generate_image': {
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': 'generate_image',
          'image_mcp.door': 'mcp',
        },
        'generate_content FLUX.1-Kontext-pro': {
          'gen_ai.operation.name': 'generate_content',
          'gen_ai.provider.name': 'azure.ai.inference',
          'gen_ai.request.model': 'FLUX.1-Kontext-pro',
          'image_mcp.deployment': 'FLUX.1-Kontext-pro',
          'image_mcp.operation': 'generate',
          'http.response.status_code': 200,
          'image_mcp.images': 1,
          'image_mcp.cost_usd': 0.04,
        },
        'store images': { 'image_mcp.images': 1 },
      },
    )
    const azureSpan = collector.spans.find(({ kind }) => kind === 3)
    t.assert.deepStrictEqual(azureSpan?.events, ['sent', 'receiving'])
    t.assert.ok(collector.spans.every(({ isError }) => !isError))
    const { resource } = collector.batches[0] ?? {}
    t.assert.strictEqual(resource?.['service.name'], 'azure-image-editor-mcp')
    const lines = logs.entries.filter(({ msg }) => msg === 'images generated' || msg === 'request completed')
    t.assert.deepStrictEqual(
      lines.map((line) => line.trace_id),
      [http?.traceId, http?.traceId],
    )
  })

  test('at the second door', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url } = await startService(t, collector.environment)
    const headers = { 'content-type': 'application/json' }
    await fetch(`${url}/v1/images/generations`, { method: 'POST', headers, body: '{"prompt": "a red fox"}' })
    await collector.waitForSpans('POST /v1/images/generations')
    t.assert.deepStrictEqual(tree(collector.spans), [['POST /v1/images/generations', tool]])
  })

  test('over stdio', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url } = await startSimulator(t)
    const azure = {
      SHUTDOWN_GRACE_MS: '5000',
      AZURE_BASE_URL: url,
      AZURE_API_KEY: key,
      IMAGES_DIR: await temporaryFolder(t),
    }
    const client = startStdio({ ...minimalEnvironment, ...azure, ...collector.environment })
    t.after(() => client.kill())
    await client.request(1, message({ ...generate, _meta: { traceparent } }))
    t.assert.strictEqual(await client.end(), 0)
    t.assert.deepStrictEqual(tree(collector.spans, PARENT), [['tools/call generate_image', tool]])
    const [method] = collector.spans.filter(({ name }) => name === 'tools/call generate_image')
    t.assert.strictEqual(method?.attributes['network.transport'], 'pipe')
  })

  test("under the container's permission flags", async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url } = await startContained(t, collector.environment)
    await callTool(`${url}/mcp`, 'generate_image', { prompt: 'a red fox' })
    await collector.waitForSpans('POST /mcp')
    t.assert.deepStrictEqual(tree(collector.spans), [['POST /mcp', ['tools/call generate_image', tool]]])
  })

  test('with each request to Azure beside the others, and what it waited for', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url, simulator } = await startService(t, collector.environment)
    simulator.faults.next(1, 'server-error')
    simulator.faults.next(1, { name: 'rate-limit', ms: 50 })
    await callTool(`${url}/mcp`, 'generate_image', { prompt: 'a red fox' })
    await collector.waitForSpans('POST /mcp')
    const attempts = collector.spans.filter(({ kind }) => kind === 3)
    const [toolSpan] = collector.spans.filter(({ name }) => name === 'execute_tool generate_image')
    t.assert.deepStrictEqual(
      attempts.map(({ parentSpanId, isError, statusMessage, attributes }) => ({
        isBelowTool: parentSpanId === toolSpan?.spanId,
        status: attributes['http.response.status_code'],
        before: attributes['http.request.resend_count'],
        failure: attributes['error.type'],
        isError,
        statusMessage,
      })),
      [
        { status: 500, before: undefined, failure: 'IMG_ERR_AZURE_FAILED', isError: true },
        { status: 429, before: 1, failure: 'IMG_ERR_AZURE_RATE_LIMIT', isError: true },
        { status: 200, before: 2, failure: undefined, isError: false },
      ].map((attempt) => ({ isBelowTool: true, statusMessage: '', ...attempt })),
    )
    const names = collector.spans
      .filter(({ parentSpanId }) => parentSpanId === toolSpan?.spanId)
      .map(({ name }) => name)
    const attempt = 'generate_content FLUX.1-Kontext-pro'
    t.assert.deepStrictEqual(names, [attempt, attempt, 'wait for turn', attempt, 'store images'])
    const [wait] = collector.spans.filter(({ name }) => name === 'wait for turn')
    t.assert.strictEqual(wait?.attributes['image_mcp.deployment'], 'FLUX.1-Kontext-pro')
  })

  test('that a job goes on with', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url, logs } = await startService(t, collector.environment)
    await callTool(`${url}/mcp`, 'generate_image', { prompt: 'a red fox', job: true })
    const [turn] = await collector.waitForSpans('process jobs')
    await collector.waitForSpans('POST /mcp')
    const submitted = ['execute_tool generate_image', ['send jobs', ['process jobs', tool]]]
    t.assert.deepStrictEqual(tree(collector.spans), [['POST /mcp', ['tools/call generate_image', submitted]]])
    const [sent] = collector.spans.filter(({ name }) => name === 'send jobs')
    t.assert.deepStrictEqual(turn?.links, [{ traceId: sent?.traceId, spanId: sent?.spanId }])
    const made = logs.entries.find(({ msg }) => msg === 'images generated')
    t.assert.strictEqual(made?.trace_id, sent?.traceId)
  })

  test('also if it fails, which the spans say by closed codes', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url, simulator } = await startService(t, collector.environment)
    simulator.faults.next(1, 'content-filter')
    await callTool(`${url}/mcp`, 'generate_image', { prompt: 'a red fox' })
    await post(`${url}/mcp`, message({ name: 'no\nsuch' }))
    await post(`${url}/mcp`, message({}, 'no/such'))
    await post(`${url}/nowhere`, '{}')
    await fetch(`${url}/metrics`)
    await collector.waitForSpans('POST')
    const failures = collector.spans.map(({ name, attributes }) => [name, attributes['error.type']])
    t.assert.deepStrictEqual(
      new Map(failures.map(([name, type]) => [String(name), type])),
      new Map([
        ['generate_content FLUX.1-Kontext-pro', 'IMG_ERR_AZURE_CONTENT'],
        ['execute_tool generate_image', 'IMG_ERR_AZURE_CONTENT'],
        ['tools/call generate_image', 'tool_error'],
        ['POST /mcp', undefined],
        ['tools/call', '-32602'],
        ['other', '-32601'],
        ['POST', undefined],
      ]),
    )
    t.assert.ok(collector.spans.every(({ statusMessage }) => statusMessage === ''))
  })
})

describe('the trace of a client', () => {
  test('is continued from the headers', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url } = await startService(t, collector.environment)
    await post(`${url}/mcp`, message({}, 'ping'), { traceparent, tracestate: 'vendor=1' })
    const [http] = await collector.waitForSpans('POST /mcp')
    const [ping] = collector.spans.filter(({ name }) => name === 'ping')
    t.assert.deepStrictEqual([http?.traceId, http?.parentSpanId], [TRACE, PARENT])
    t.assert.deepStrictEqual([ping?.traceId, ping?.parentSpanId], [TRACE, http?.spanId])
  })

  for (const era of ['legacy', 'modern'] as const) {
    test(`is continued from the ${era} message, whose HTTP request is linked`, async (t: TestContext) => {
      const collector = await startCollector(t)
      const { url } = await startService(t, collector.environment)
      if (era === 'modern')
        await modernRequest(url, 'tools/call', generate, { meta: { traceparent }, capabilities: {} })
      else await post(`${url}/mcp`, message({ ...generate, _meta: { traceparent } }))
      const [http] = await collector.waitForSpans('POST /mcp')
      const [method] = collector.spans.filter(({ name }) => name === 'tools/call generate_image')
      t.assert.deepStrictEqual([method?.traceId, method?.parentSpanId], [TRACE, PARENT])
      t.assert.deepStrictEqual(method?.links, [{ traceId: http?.traceId, spanId: http?.spanId }])
      t.assert.notStrictEqual(http?.traceId, TRACE)
      t.assert.deepStrictEqual(tree(collector.spans, PARENT), [['tools/call generate_image', tool]])
    })
  }

  test('is continued by each message of a batch, whatever the headers say and its tracestate is', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url } = await startService(t, collector.environment)
    const [one, other] = ['1', '2'].map((digit) => TRACE.replace('0', digit))
    const ping = (id: number, meta: object) => ({ jsonrpc: '2.0', id, method: 'ping', params: { _meta: meta } })
    const parentOf = (trace = TRACE) => ({ traceparent: traceparent.replace(TRACE, trace) })
    const tracestate = `vendor=${'x'.repeat(5_000)}`
    const batch = [ping(1, parentOf(one)), ping(2, { ...parentOf(other), tracestate }), ping(3, {})]
    const headers = { traceparent, tracestate, 'mcp-protocol-version': '2025-03-26' }
    await post(`${url}/mcp`, JSON.stringify(batch), headers)
    const [http] = await collector.waitForSpans('POST /mcp')
    const pings = collector.spans.filter(({ name }) => name === 'ping')
    const byId = Object.fromEntries(pings.map((span) => [span.attributes['jsonrpc.request.id'], span]))
    t.assert.deepStrictEqual([http?.traceId, byId[1]?.traceId, byId[2]?.traceId], [TRACE, one, other])
    t.assert.deepStrictEqual([byId[3]?.traceId, byId[3]?.parentSpanId], [TRACE, http?.spanId])
    t.assert.ok(!Buffer.concat(collector.bodies).includes('xxxxx'))
  })

  test('is not continued if it is invalid', async (t: TestContext) => {
    const collector = await startCollector(t)
    const { url } = await startService(t, collector.environment)
    const notText = [7, null, [traceparent], { toString: traceparent }]
    const tooLong = ['x'.repeat(100_000), `${traceparent}-${'0'.repeat(300)}`]
    const noTrace = `00-${'0'.repeat(32)}-${PARENT}-01`
    const wrong = ['', `ff${traceparent.slice(2)}`, traceparent.toUpperCase(), noTrace, `${traceparent}-more`]
    const invalid = [...notText, ...tooLong, ...wrong]
    for (const value of invalid) await post(`${url}/mcp`, message({ _meta: { traceparent: value } }, 'ping'))
    const pings = await collector.waitForSpans('ping', invalid.length)
    t.assert.deepStrictEqual(
      pings.filter(({ traceId, links }) => traceId === TRACE || links.length > 0),
      [],
    )
    t.assert.strictEqual(new Set(pings.map(({ traceId }) => traceId)).size, invalid.length)
  })
})

describe('whether a trace is exported', () => {
  const notSampled = `00-${TRACE}-${PARENT}-00`
  const names = ['ann', 'anonymous'] as const
  async function exported(t: TestContext, sampler: Record<string, string>, flag: string): Promise<string[]> {
    const collector = await startCollector(t, { ...sampler, SHUTDOWN_GRACE_MS: '5000' })
    const found: string[] = []
    for (const name of names) {
      const keys = name === 'ann' ? { MCP_API_KEYS: `ann:${'k'.repeat(32)}` } : {}
      const { url, app } = await startService(t, { ...collector.environment, ...keys })
      const headers = name === 'ann' ? { 'x-api-key': 'k'.repeat(32) } : {}
      const before = collector.spans.length
      await post(`${url}/mcp`, message({}, 'ping'), { ...headers, traceparent: flag })
      // Its client has the response before it has ended.
      const hasEnded = async () =>
        (await app.metrics.registry.metrics()).includes('image_mcp_http_requests_in_flight 0')
      await waitFor('the end of the request', hasEnded)
      await app.close()
      if (collector.spans.length > before) found.push(name)
    }
    return found
  }

  test('is decided by authenticated clients only', async (t: TestContext) => {
    t.assert.deepStrictEqual(await exported(t, {}, traceparent), ['ann', 'anonymous'])
    t.assert.deepStrictEqual(await exported(t, {}, notSampled), ['anonymous'])
    const none = { OTEL_TRACES_SAMPLER: 'parentbased_always_off' }
    t.assert.deepStrictEqual(await exported(t, none, traceparent), ['ann'])
    const ratio = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }
    t.assert.deepStrictEqual(await exported(t, ratio, traceparent), ['ann'])
  })

  test('is decided by no client if the sampler does not follow parents', async (t: TestContext) => {
    t.assert.deepStrictEqual(await exported(t, { OTEL_TRACES_SAMPLER: 'always_off' }, traceparent), [])
    t.assert.deepStrictEqual(await exported(t, { OTEL_TRACES_SAMPLER: 'always_on' }, notSampled), [...names])
  })
})
