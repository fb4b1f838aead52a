import type { Settings } from '../../schemas/config.ts'
import { InvalidValueError } from '../errors/app-error.ts'
import { type Parser, parsed } from './parser.ts'

type Sampling = { readonly ratio: number; readonly followsParent: boolean }

/**
 * How traces are exported, as OpenTelemetry's own variables say it
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables). What is wrong fails the start, but not over
 * stdio: there the variables are mostly meant for the program that starts this server.
 */
export function tracingOf(parser: Parser) {
  const { settings, secret, transport } = parser
  const problems: string[] = []
  const report: Parser['report'] = (variable, problem) => {
    if (transport === 'http') parser.report(variable, problem)
    else problems.push(`${variable} ${problem}`)
  }
  const read = <T>(variable: Variable, parse: (text: string) => T) =>
    parsed(variable, () => parse(settings[variable] ?? ''), report)
  const isOn = settings.OTEL_SDK_DISABLED.toLowerCase() !== 'true' && settings.OTEL_TRACES_EXPORTER !== 'none'
  const isWhole = settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT !== undefined
  if (!isOn || (!isWhole && settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined)) return { problems }
  read('OTEL_TRACES_EXPORTER', checkExporter)
  read('OTEL_EXPORTER_OTLP_HEADERS', parseHeaders)
  const values = {
    url: isWhole
      ? read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', (text) => collectorUrl(text).href)
      : read('OTEL_EXPORTER_OTLP_ENDPOINT', tracesUrl),
    format: read('OTEL_EXPORTER_OTLP_PROTOCOL', formatOf),
    timeoutMs: read('OTEL_EXPORTER_OTLP_TIMEOUT', wholeNumber(1, 600_000)),
    followsParent: read('OTEL_TRACES_SAMPLER', followsParent),
    ratio: read('OTEL_TRACES_SAMPLER_ARG', (text) => ratioOf(settings.OTEL_TRACES_SAMPLER, text)),
    attributes: read('OTEL_RESOURCE_ATTRIBUTES', parsePairs),
    maxQueuedSpans: read('OTEL_BSP_MAX_QUEUE_SIZE', wholeNumber(1, 100_000)),
    exportEveryMs: read('OTEL_BSP_SCHEDULE_DELAY', wholeNumber(10, 600_000)),
  }
  if (!isComplete(values)) return { problems }
  const { followsParent: follows, ratio, ...rest } = values
  return {
    /** Why there are no traces although a collector is named. */
    problems,
    /** Undefined: there are no traces. */
    export: {
      ...rest,
      headers: secret('OTEL_EXPORTER_OTLP_HEADERS'),
      sampling: { ratio, followsParent: follows } satisfies Sampling,
      serviceName: settings.OTEL_SERVICE_NAME ?? rest.attributes['service.name'] ?? 'azure-image-editor-mcp',
    },
  }
}

type Variable = Extract<keyof Settings, `OTEL_${string}`>

function isComplete<T extends object>(values: T): values is { [K in keyof T]: Exclude<T[K], undefined> } & T {
  return Object.values(values).every((value) => value !== undefined)
}

/** @throws InvalidValueError continues the name of the variable, as everywhere below */
function collectorUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InvalidValueError('must be an http or https URL, such as http://collector:4318')
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidValueError('must have no credential; set OTEL_EXPORTER_OTLP_HEADERS')
  }
  url.hash = ''
  return url
}

/** https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp */
function tracesUrl(text: string): string {
  const url = collectorUrl(text)
  url.pathname += url.pathname.endsWith('/') ? 'v1/traces' : '/v1/traces'
  return url.href
}

function checkExporter(text: string): 'otlp' {
  if (text === 'otlp') return text
  throw new InvalidValueError('must be otlp or none')
}

function formatOf(text: string): 'protobuf' | 'json' {
  if (text === 'http/protobuf') return 'protobuf'
  if (text === 'http/json') return 'json'
  throw new InvalidValueError(
    'must be http/protobuf or http/json, which collectors take on port 4318; there is no gRPC',
  )
}

const samplers = ['always_on', 'always_off', 'traceidratio']

function followsParent(name: string): boolean {
  const own = name.replace(/^parentbased_/, '')
  if (samplers.includes(own)) return own !== name
  throw new InvalidValueError(`must be one of ${samplers.join(', ')}, or one of them with parentbased_ in front`)
}

function ratioOf(sampler: string, text: string): number {
  if (sampler.endsWith('always_off')) return 0
  if (!sampler.endsWith('traceidratio')) return 1
  const ratio = Number(text)
  if (ratio >= 0 && ratio <= 1) return ratio
  throw new InvalidValueError('must be a number from 0 to 1')
}

const wholeNumber = (min: number, max: number) => (text: string) => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new InvalidValueError(`must be a whole number from ${min} to ${max}`)
}

/** `name=value` by comma, values percent-encoded. The text is never part of the error, since it may be a secret. */
function parsePairs(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '')
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      const name = pair.slice(0, Math.max(0, at)).trim()
      const value = decoded(pair.slice(at + 1).trim())
      if (name === '' || value === undefined) {
        throw new InvalidValueError(
          'must be name=value pairs by comma, with "%", "," and "=" in values percent-encoded',
        )
      }
      return [name, value]
    }),
  )
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The headers of requests to the collector. */
export function parseHeaders(text: string): Record<string, string> {
  const headers = parsePairs(text)
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e]*$/.test(value)) {
      throw new InvalidValueError('must be name=value pairs by comma that are HTTP headers')
    }
  }
  return headers
}
