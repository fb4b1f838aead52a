import { setTimeout as pause } from 'node:timers/promises'
import type { ExportResult } from '@opentelemetry/core'
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { ReportedError } from '../errors/app-error.ts'
import type { Logger } from '../logging/logger.ts'
import { createHttpClient, type HttpClientOptions } from '../net/http-client.ts'

export interface ExporterOptions {
  /** To which batches are posted. */
  url: URL
  /** Of every request; they may contain a key. */
  headers: Readonly<Record<string, string>>
  format: 'protobuf' | 'json'
  /** Milliseconds that one batch may take, retries included. */
  timeoutMs: number
  connections: HttpClientOptions
  log: Logger
}

const formats = {
  protobuf: { serializer: ProtobufTraceSerializer, contentType: 'application/x-protobuf' },
  json: { serializer: JsonTraceSerializer, contentType: 'application/json' },
}

/** https://opentelemetry.io/docs/specs/otlp/#failures-1 */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])
const FIRST_RETRY_MS = 1_000
/** No one reads what a collector responds beyond its status. */
const MAX_RESPONSE_BYTES = 65_536

/**
 * Sends spans to a collector. OpenTelemetry's own exporter has no limit on the time of a whole request, keeps an ending process
 * waiting for its retries, and knows neither the proxy nor configuration that is no environment variable.
 */
export function createOtlpExporter(options: ExporterOptions): Required<SpanExporter> {
  const { url, headers, timeoutMs, log } = options
  const { serializer, contentType } = formats[options.format]
  const connections = createHttpClient(options.connections)
  const closing = new AbortController()
  const running = new Set<Promise<void>>()
  let isReachable = true

  async function post(body: Uint8Array, signal: AbortSignal): Promise<number> {
    const dispatcher = await connections.get()
    const response = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'POST',
      headers: { ...headers, 'content-type': contentType },
      body,
      signal,
    })
    await response.body.dump({ limit: MAX_RESPONSE_BYTES, signal })
    return response.statusCode
  }

  /** @throws what keeps the spans from being exported */
  async function send(body: Uint8Array, signal: AbortSignal): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; ; retryMs *= 2) {
      const status = await post(body, signal)
      if (status < 300) return
      if (!RETRYABLE.has(status)) throw new ReportedError(`the collector responded with status ${status}`)
      await pause(retryMs, undefined, { signal, ref: false }).catch(() => {
        throw new ReportedError(`the collector responded with status ${status} until the end`)
      })
    }
  }

  /** Once when it begins and once when it ends: every five seconds would be a flood. */
  function report(err?: unknown): void {
    const wasReachable = isReachable
    isReachable = err === undefined
    if (isReachable === wasReachable) return
    if (isReachable) log.info({ host: url.host }, 'traces are exported again')
    else log.warn({ err, host: url.host }, 'traces cannot be exported and are dropped; calls are not affected')
  }

  async function exportSpans(spans: ReadableSpan[]): Promise<ExportResult> {
    try {
      const body = serializer.serializeRequest(spans)
      if (body !== undefined) await send(body, AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]))
      report()
      return { code: 0 }
    } catch (err) {
      report(err)
      return { code: 1 }
    }
  }

  return {
    export(spans, done) {
      const exporting = exportSpans(spans)
        .then(done)
        .finally(() => running.delete(exporting))
      running.add(exporting)
    },
    async forceFlush() {
      await Promise.all(running)
    },
    async shutdown() {
      closing.abort()
      await connections.close()
    },
  }
}
