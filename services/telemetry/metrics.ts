import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const PREFIX = 'image_mcp_'

/** Image calls last from a cached rejection to Azure's ten minutes. */
const CALL_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 240, 600]
const HTTP_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 240, 600]

/**
 * Every series of one app, in a registry of its own. Label values come from closed sets only (route patterns, names of
 * tools and methods that exist, outcomes), so that no caller can add a series.
 */
export function createMetrics(version: string) {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name: PREFIX + name, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name: PREFIX + name, help, labelNames, registers })
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]) =>
    new Histogram({ name: PREFIX + name, help, labelNames, buckets, registers })

  gauge('build_info', 'Always 1; the version is a label', ['version']).set({ version }, 1)

  let readBodyBytes = () => 0
  let readBufferedBytes = () => 0
  /** Read at each scrape. */
  const readGauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  readGauge('body_bytes_in_flight', 'Bytes reserved for request bodies', () => readBodyBytes())
  readGauge('buffered_bytes', 'Bytes of images buffered in memory', () => readBufferedBytes())

  return {
    registry,
    httpRequests: counter('http_requests_total', 'HTTP requests answered', ['route', 'method', 'status']),
    httpDuration: histogram(
      'http_request_duration_seconds',
      'Time from request line to last byte of the response',
      ['route', 'method'],
      HTTP_BUCKETS,
    ),
    httpInFlight: gauge('http_requests_in_flight', 'HTTP requests being worked on'),
    rejections: counter('limit_rejections_total', 'What was turned away because of a limit', ['reason']),
    abandoned: counter('abandoned_results_total', 'What became of images whose caller had left', ['event']),
    responsesDelivered: counter(
      'responses_delivered_total',
      'Responses with generated images by what proved their delivery; none: sent, but never proven',
      ['proof'],
    ),
    setBodyBytes(read: () => number) {
      readBodyBytes = read
    },
    setBufferedBytes(read: () => number) {
      readBufferedBytes = read
    },
    receivedBytes: counter('received_bytes_total', 'Bytes read from callers, headers included'),
    sentBytes: counter('sent_bytes_total', 'Bytes written to callers, headers included'),
    rpcRequests: counter('rpc_requests_total', 'JSON-RPC messages', ['method', 'outcome']),
    toolCalls: counter('tool_calls_total', 'Tool calls ended', ['tool', 'outcome']),
    toolDuration: histogram('tool_call_duration_seconds', 'Duration of tool calls', ['tool'], CALL_BUCKETS),
    toolsInFlight: gauge('tool_calls_in_flight', 'Tool calls being worked on'),
    azureRequests: counter('azure_requests_total', 'Requests sent to Azure', ['operation', 'status_class']),
    azureDuration: histogram(
      'azure_request_duration_seconds',
      'Duration of requests to Azure',
      ['operation'],
      CALL_BUCKETS,
    ),
    azureInFlight: gauge('azure_requests_in_flight', 'Requests to Azure under way'),
    azureImages: counter('azure_images_total', 'Images made', ['model']),
    azureTokens: counter('azure_tokens_total', 'Tokens used up, as Azure reports them', ['model', 'kind']),
    azureMegapixels: counter('azure_megapixels_total', 'Megapixels used up, as Azure reports them', ['model', 'kind']),
    azureCost: counter('azure_cost_usd_total', 'US dollars by the price table', ['model']),
    imagesSaved: counter('images_saved_total', 'Images written to IMAGES_DIR'),
    imagesNotSaved: counter('images_not_saved_total', 'Images that could not be written to IMAGES_DIR'),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
