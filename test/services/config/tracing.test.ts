import { describe, type TestContext, test } from 'node:test'
import { loadConfig } from '../../../plugins/config.ts'
import { ConfigurationError } from '../../../services/config/configuration-error.ts'
import { minimalEnvironment } from '../../support/app.ts'

type Variables = Readonly<Record<string, string>>
const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

const load = async (variables: Variables, transport: 'http' | 'stdio' = 'http') =>
  (await loadConfig({ environment: { ...minimalEnvironment, ...variables }, transport })).tracing

async function problemsOf(variables: Variables): Promise<string> {
  const failure = await load(variables).catch((error: unknown) => error)
  if (!(failure instanceof ConfigurationError)) throw new Error('the configuration was accepted')
  return failure.message
}

describe('the variables of traces', () => {
  test('have the defaults of OpenTelemetry', async (t: TestContext) => {
    const { export: exported } = await load(endpoint)
    t.assert.deepStrictEqual(exported, {
      url: 'http://collector:4318/v1/traces',
      format: 'protobuf',
      timeoutMs: 10_000,
      attributes: {},
      maxQueuedSpans: 2048,
      exportEveryMs: 5000,
      headers: undefined,
      sampling: { ratio: 1, followsParent: true },
      serviceName: 'azure-image-editor-mcp',
    })
  })

  test('name the collector by a base, to which a path is added, or as a whole', async (t: TestContext) => {
    const urlOf = async (variables: Variables) => (await load(variables)).export?.url
    const base = (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
    t.assert.strictEqual(await urlOf(base('https://c.example/otlp/')), 'https://c.example/otlp/v1/traces')
    t.assert.strictEqual(await urlOf(base('https://c.example/otlp?a=1#x')), 'https://c.example/otlp/v1/traces?a=1')
    const whole = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t.example/here' }
    t.assert.strictEqual(await urlOf({ ...whole, ...endpoint }), 'http://t.example/here')
  })

  test('name the service before its attributes do, and with nothing set to blanks', async (t: TestContext) => {
    const nameOf = async (variables: Variables) => (await load({ ...endpoint, ...variables })).export?.serviceName
    const attributes = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=by-attribute,service.version=7' }
    t.assert.strictEqual(await nameOf({ ...attributes, OTEL_SERVICE_NAME: 'by-name' }), 'by-name')
    t.assert.strictEqual(await nameOf(attributes), 'by-attribute')
    t.assert.strictEqual(await nameOf({ OTEL_SERVICE_NAME: ' ' }), 'azure-image-editor-mcp')
    const blank = ['PROTOCOL', 'TIMEOUT', 'HEADERS', 'TRACES_ENDPOINT'].map((name) => [
      `OTEL_EXPORTER_OTLP_${name}`,
      '',
    ])
    const names = ['TRACES_EXPORTER', 'TRACES_SAMPLER', 'TRACES_SAMPLER_ARG', 'BSP_SCHEDULE_DELAY', 'SDK_DISABLED']
    const others = names.map((name) => [`OTEL_${name}`, ''])
    t.assert.deepStrictEqual(
      await load({ ...endpoint, ...Object.fromEntries([...blank, ...others]) }),
      await load(endpoint),
    )
  })

  for (const [sampler, arg, expected] of [
    ['always_off', '1', { ratio: 0, followsParent: false }],
    ['traceidratio', '0.25', { ratio: 0.25, followsParent: false }],
    ['parentbased_traceidratio', '0.25', { ratio: 0.25, followsParent: true }],
    ['parentbased_always_off', '', { ratio: 0, followsParent: true }],
    ['always_on', 'nonsense', { ratio: 1, followsParent: false }],
  ] as const) {
    test(`take the sampler ${sampler}`, async (t: TestContext) => {
      const { export: exported } = await load({
        ...endpoint,
        OTEL_TRACES_SAMPLER: sampler,
        OTEL_TRACES_SAMPLER_ARG: arg,
      })
      t.assert.deepStrictEqual(exported?.sampling, expected)
    })
  }

  test('turn traces off', async (t: TestContext) => {
    const off: Variables[] = [{ OTEL_SDK_DISABLED: 'TRUE' }, { OTEL_TRACES_EXPORTER: 'none' }]
    // Nothing else is looked at then.
    for (const each of off) {
      t.assert.strictEqual((await load({ ...endpoint, ...each, OTEL_BSP_SCHEDULE_DELAY: 'x' })).export, undefined)
    }
    t.assert.strictEqual((await load({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).export, undefined)
  })

  const wrong: Variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_HEADERS: 'value-that-must-not-show',
    OTEL_EXPORTER_OTLP_TIMEOUT: '1.5',
    OTEL_TRACES_EXPORTER: 'zipkin',
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_RESOURCE_ATTRIBUTES: 'a=%zz',
    OTEL_BSP_MAX_QUEUE_SIZE: '0',
    OTEL_BSP_SCHEDULE_DELAY: 'soon',
  }

  test('are reported together if they cannot be used, without the values', async (t: TestContext) => {
    const text = await problemsOf(wrong)
    for (const name of Object.keys(wrong)) t.assert.ok(text.includes(`${name}: `), `${name} in ${text}`)
    t.assert.ok(!text.includes('must-not-show'))
    const ratio = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '10%' }
    t.assert.match(await problemsOf({ ...endpoint, ...ratio }), /OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1/)
    const headers = { OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%0D%0Ab' }
    t.assert.match(await problemsOf({ ...endpoint, ...headers }), /OTEL_EXPORTER_OTLP_HEADERS: /)
    const credential = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://u:p4ss@c.example' }
    t.assert.doesNotMatch(await problemsOf(credential), /p4ss/)
  })

  test('are no reason for a client not to get its server over stdio', async (t: TestContext) => {
    const { export: exported, problems } = await load(wrong, 'stdio')
    t.assert.strictEqual(exported, undefined)
    t.assert.strictEqual(problems.length, Object.keys(wrong).length)
  })
})
