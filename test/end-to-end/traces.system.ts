import { type TestContext, test } from 'node:test'
import { startCollector } from '../support/collector.ts'
import { callTool, startService } from '../support/service.ts'
import { startPrometheus } from '../support/system/prometheus.ts'
import { prepareReplicas, startNeighbours } from '../support/system/replicas.ts'
import { waitFor } from '../support/wait-for.ts'

test('a job that another replica runs is in the trace of the call that submitted it', async (t: TestContext) => {
  await using neighbours = await startNeighbours()
  const collector = await startCollector(t)
  const replicas = await prepareReplicas(t, neighbours, collector.environment)
  const { url } = await startService(t, replicas.environment)
  await replicas.start()
  /** The spans of a name with the process that each is of. */
  const spansOf = (name: string) =>
    collector.batches.flatMap(({ resource, spans }) =>
      spans.filter((span) => span.name === name).map((span) => ({ ...span, process: resource['service.instance.id'] })),
    )
  const submitter = () => spansOf('send jobs')[0]?.process
  // Which of them runs a job is decided by Redis.
  const turn = await waitFor('a job that the other replica runs', async () => {
    await callTool(`${url}/mcp`, 'generate_image', { prompt: 'a red fox', job: true })
    return spansOf('process jobs').find(({ process }) => submitter() !== undefined && process !== submitter())
  })
  const sent = await waitFor('its submission', () =>
    spansOf('send jobs').find(({ spanId }) => spanId === turn.parentSpanId),
  )
  t.assert.deepStrictEqual(turn.links, [{ traceId: sent.traceId, spanId: sent.spanId }])
  const azure = await waitFor('its request', () =>
    spansOf('generate_content FLUX.1-Kontext-pro').find(({ traceId }) => traceId === sent.traceId),
  )
  t.assert.deepStrictEqual([turn.traceId, azure.process, sent.process], [sent.traceId, turn.process, submitter()])
})

test('Prometheus stores the trace of a call with its durations', async (t: TestContext) => {
  const collector = await startCollector(t)
  const { url } = await startService(t, collector.environment)
  const prometheus = await startPrometheus(t, [url])
  await callTool(`${url}/mcp`, 'generate_image', { prompt: 'a red fox' })
  const [{ traceId = '' } = {}] = await collector.waitForSpans('execute_tool generate_image')
  for (const name of ['tool_call', 'azure_request', 'http_request']) {
    const found = () => prometheus.exemplars(`image_mcp_${name}_duration_seconds_bucket`)
    await waitFor(`an exemplar of ${name}`, async () => (await found()).includes(traceId))
  }
})
