import * as api from '@opentelemetry/api'
import { parseTraceParent, TraceState } from '@opentelemetry/core'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { createOtlpExporter, type ExporterOptions } from './otlp-exporter.ts'
import { noTrace, type Span, type SpanOptions, type Trace } from './trace.ts'

export interface TracerOptions extends ExporterOptions {
  /** Of this process, such as `service.name`. */
  resource: Readonly<Record<string, string>>
  version: string
  sampling: { readonly ratio: number; readonly followsParent: boolean }
  /** Finished spans that wait to be exported; more are dropped. */
  maxQueuedSpans: number
  /** Milliseconds between two exports. */
  exportEveryMs: number
}

export interface Tracer {
  /** Outside of every trace. */
  readonly root: Trace
  /** Exports what is left. @param ms milliseconds that it may take */
  close(ms: number): Promise<void>
}

/** A batch of the size that OpenTelemetry recommends. */
const MAX_BATCH = 512
/** A valid one has 55 characters; later versions may have more. */
const MAX_TRACEPARENT_LENGTH = 256
/** https://www.w3.org/TR/trace-context/#tracestate-limits */
const MAX_TRACESTATE_LENGTH = 512

const kinds = {
  internal: api.SpanKind.INTERNAL,
  server: api.SpanKind.SERVER,
  client: api.SpanKind.CLIENT,
  producer: api.SpanKind.PRODUCER,
  consumer: api.SpanKind.CONSUMER,
}

/** OpenTelemetry's tracer. Nothing of it is global, so that several applications may run in one process. */
export function createTracer(options: TracerOptions): Tracer {
  const exporter = createOtlpExporter(options)
  const own = samplerOf(options.sampling.ratio)
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ ...options.resource }),
    sampler: options.sampling.followsParent ? new ParentBasedSampler({ root: own }) : own,
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: options.maxQueuedSpans,
        maxExportBatchSize: Math.min(MAX_BATCH, options.maxQueuedSpans),
        scheduledDelayMillis: options.exportEveryMs,
        exportTimeoutMillis: options.timeoutMs,
      }),
    ],
  })
  const tracer = provider.getTracer('azure-image-editor-mcp', options.version)
  const ids = new RandomIdGenerator()
  /** The decision for a trace whose id a stranger chose, by an id that it did not. */
  const isOwnSampled = () =>
    own.shouldSample(api.ROOT_CONTEXT, ids.generateTraceId(), '', api.SpanKind.SERVER, {}, []).decision ===
    SamplingDecision.RECORD_AND_SAMPLED

  function traceAt(context: api.Context): Trace {
    const place = api.trace.getSpanContext(context)
    return {
      id: place?.traceId,
      sampledId: place !== undefined && isSampled(place) ? place.traceId : undefined,
      start: (name, given) => startSpan(context, name, given),
      join(message, isTrusted) {
        const remote = spanContextOf(message)
        if (remote === undefined) return undefined
        const isExported = isTrusted ? isSampled(remote) : isOwnSampled()
        const traceFlags = isExported ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE
        return traceAt(api.trace.setSpanContext(api.ROOT_CONTEXT, { ...remote, traceFlags }))
      },
      carrier() {
        if (place === undefined) return undefined
        const { traceId, spanId, traceFlags, traceState } = place
        const tracestate = traceState?.serialize() ?? ''
        return {
          traceparent: `00-${traceId}-${spanId}-0${traceFlags & api.TraceFlags.SAMPLED}`,
          ...(tracestate === '' ? {} : { tracestate }),
        }
      },
    }
  }

  function startSpan(
    context: api.Context,
    name: string,
    { kind, facts, links = [], startedAt }: SpanOptions = {},
  ): Span {
    const span = tracer.startSpan(
      name,
      {
        kind: kinds[kind ?? 'internal'],
        attributes: { ...facts },
        links: links.flatMap(linkTo),
        ...(startedAt === undefined ? {} : { startTime: startedAt }),
      },
      context,
    )
    const trace = traceAt(api.trace.setSpan(context, span))
    return {
      trace,
      add: (more) => void span.setAttributes({ ...more }),
      happened: (event) => void span.addEvent(event),
      fail(errorType) {
        span.setAttribute('error.type', errorType)
        // Without a message: texts may quote what they are about.
        span.setStatus({ code: api.SpanStatusCode.ERROR })
      },
      end: () => span.end(),
    }
  }

  return {
    root: { ...traceAt(api.ROOT_CONTEXT), carrier: noTrace.carrier },
    async close(ms) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, ms)
      // The provider does not wait for a batch that is on its way.
      const flushed = provider
        .forceFlush({ timeoutMillis: ms })
        .catch(() => {})
        .then(exporter.forceFlush)
      await Promise.race([flushed, promise])
      clearTimeout(timer)
      await exporter.shutdown()
    },
  }
}

const isSampled = ({ traceFlags }: api.SpanContext): boolean => (traceFlags & api.TraceFlags.SAMPLED) !== 0

function samplerOf(ratio: number): Sampler {
  if (ratio >= 1) return new AlwaysOnSampler()
  return ratio <= 0 ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio)
}

function linkTo(trace: Trace): api.Link[] {
  const context = spanContextOf(trace.carrier())
  return context === undefined ? [] : [{ context }]
}

/** Of what a stranger may have written: anything else than a valid `traceparent` is none, and a wrong `tracestate` is left out. */
function spanContextOf(message: unknown): api.SpanContext | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const traceparent: unknown = Reflect.get(message, 'traceparent')
  if (typeof traceparent !== 'string' || traceparent.length > MAX_TRACEPARENT_LENGTH) return undefined
  const context = parseTraceParent(traceparent)
  if (context === null) return undefined
  const tracestate: unknown = Reflect.get(message, 'tracestate')
  const hasState = typeof tracestate === 'string' && tracestate.length <= MAX_TRACESTATE_LENGTH
  return { ...context, isRemote: true, ...(hasState ? { traceState: new TraceState(tracestate) } : {}) }
}
