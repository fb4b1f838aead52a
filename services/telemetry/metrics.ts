import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, type RegistryContentType } from 'prom-client'
import { errorCodes } from '../errors/errors.ts'
import { createDependencyGauge } from './dependency-metrics.ts'
import { createFaultGauge } from './fault-metrics.ts'
import { createJobGauges } from './job-metrics.ts'

const PREFIX = 'image_mcp_'

/** Seconds; image calls take from an instant rejection to Azure's ten minutes. */
const CALL_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 240, 600]
const HTTP_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 240, 600]

/** Every limit that rejects. Its series exists before the first rejection, since an increase from nothing is invisible. */
const rejectionReasons = [
  'connections',
  'requests',
  'logins',
  'bytes',
  'slow',
  'slow_reader',
  'calls',
  'images',
  'full',
  'pressure',
  'shutdown',
  'subscriptions',
] as const

/** Why images are not saved; as with rejections, the series exist from the start. */
const notSavedCodes = errorCodes.filter((code) => code.startsWith('IMG_ERR_STORE_'))

/** What becomes of Content Credentials; as with rejections, the series exist from the start. */
const credentialsStates = ['preserved', 'stored', 'absent'] as const

/**
 * All series of one app, in their own registry. Label values come from closed sets only (route patterns, names of existing
 * tools and methods, outcomes), so that no client can create series.
 *
 * @param hasExemplars whether durations name a trace that took as long
 */
export function createMetrics(version: string, hasExemplars = false) {
  // Histograms have exemplars only in a registry of this kind; `exposition.ts` renders both formats from it.
  const registry = new Registry<RegistryContentType>()
  if (hasExemplars) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name: PREFIX + name, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name: PREFIX + name, help, labelNames, registers })
  function histogram<L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]) {
    const series = new Histogram<string>({
      ...{ name: PREFIX + name, help, labelNames, buckets, registers },
      enableExemplars: hasExemplars,
    })
    return {
      /** @param traceId becomes the example of its bucket; undefined: the value is none */
      observe(labels: Record<L, string>, value: number, traceId?: string): void {
        if (!hasExemplars) series.observe(labels, value)
        else series.observe({ labels, value, exemplarLabels: traceId === undefined ? {} : { trace_id: traceId } })
      },
      zero: (labels: Record<L, string>) => series.zero(labels),
    }
  }

  gauge('build_info', 'Always 1; the version is a label', ['version']).set({ version }, 1)

  /** A gauge that is read at each scrape. @returns sets where it is read from */
  function readGauge(name: string, help: string): (read: () => number) => void {
    let source = () => 0
    new Gauge({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.set(source())
      },
    })
    return (read) => {
      source = read
    }
  }

  /** Gauges with labels that are read at each scrape; what is not returned any more disappears. */
  function readGauges<L extends string>(name: string, help: string, labelNames: readonly L[]) {
    let source = (): readonly { labels: Record<L, string>; value: number }[] => []
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const { labels, value } of source()) this.set(labels, value)
      },
    })
    return (read: typeof source) => {
      source = read
    }
  }

  const rejections = counter('limit_rejections_total', 'Requests rejected by a limit', ['reason'])
  for (const reason of rejectionReasons) rejections.inc({ reason }, 0)
  const contentCredentials = counter(
    'content_credentials_total',
    'Images generated, by their Content Credentials: preserved in the response, stored (the response has a preview without them), or absent',
    ['state'],
  )
  for (const state of credentialsStates) contentCredentials.inc({ state }, 0)
  const imagesNotSaved = counter(
    'images_not_saved_total',
    'Images that could not be written to IMAGES_DIR, by the reason (docs/errors.md)',
    ['code'],
  )
  for (const code of notSavedCodes) imagesNotSaved.inc({ code }, 0)

  return {
    registry,
    httpRequests: counter('http_requests_total', 'HTTP responses, and 499 for clients that disconnected', [
      'route',
      'method',
      'status',
    ]),
    httpDuration: histogram(
      'http_request_duration_seconds',
      'Time from request line to last byte of the response',
      ['route', 'method'],
      HTTP_BUCKETS,
    ),
    httpInFlight: gauge('http_requests_in_flight', 'HTTP requests in progress'),
    rejections,
    abandoned: counter('abandoned_results_total', 'Results of disconnected callers, by outcome', ['event']),
    responsesDelivered: counter(
      'responses_delivered_total',
      'Responses with generated images by the proof of their delivery; none: sent, but never proven',
      ['proof'],
    ),
    setSubscriptions: readGauge('subscriptions', 'Open subscriptions/listen streams'),
    setBodyBytes: readGauge('body_bytes_in_flight', 'Bytes reserved for request bodies'),
    setBufferedBytes: readGauge('buffered_bytes', 'Bytes of images buffered in memory'),
    setSpilledImages: readGauge('spilled_images', 'Images buffered in temporary files, beyond MAX_BUFFERED_BYTES'),
    libraryBytes: gauge('library_bytes', 'Bytes of the images in the library that have no output_path'),
    receivedBytes: counter('received_bytes_total', 'Bytes received from clients, headers included'),
    sentBytes: counter('sent_bytes_total', 'Bytes sent to clients, headers included'),
    rpcRequests: counter('rpc_requests_total', 'JSON-RPC messages', ['method', 'outcome']),
    toolCalls: counter('tool_calls_total', 'Completed tool calls; door: mcp (HTTP), stdio or openai', [
      'tool',
      'outcome',
      'door',
    ]),
    toolDuration: histogram('tool_call_duration_seconds', 'Duration of tool calls', ['tool', 'door'], CALL_BUCKETS),
    toolsInFlight: gauge('tool_calls_in_flight', 'Tool calls in progress'),
    setJobs: createJobGauges(PREFIX, registry),
    setFaults: createFaultGauge(PREFIX, registry),
    addDependency: createDependencyGauge(PREFIX, registry),
    setCertificateDays: readGauges(
      'certificate_days',
      'Days until the certificate ends with which the service authenticates to Azure, negative afterwards',
      ['variable'],
    ),
    azureRequests: counter('azure_requests_total', 'Requests to Azure; code is ok, or how it failed (docs/errors.md)', [
      'deployment',
      'operation',
      'code',
    ]),
    azureDuration: histogram(
      'azure_request_duration_seconds',
      'Duration of requests to Azure',
      ['deployment', 'operation'],
      CALL_BUCKETS,
    ),
    azureInFlight: gauge('azure_requests_in_flight', 'Requests to Azure in progress'),
    azureWait: histogram(
      'azure_wait_seconds',
      'Time that calls waited for their turn at a deployment, because of its quota',
      ['deployment'],
      CALL_BUCKETS,
    ),
    setAzureWaiting: readGauges('azure_waiting', 'Calls that wait for their turn at a deployment', ['deployment']),
    setAzureQuota: readGauges('azure_quota_requests_per_minute', 'Quota of a deployment, if Azure has reported it', [
      'deployment',
    ]),
    setAzureQuotaRemaining: readGauges(
      'azure_quota_remaining_requests',
      'Requests that were left of the quota at the last response, if Azure reported it within a minute',
      ['deployment'],
    ),
    setAzureBlocked: readGauges('azure_blocked', '1 while Azure blocks the account of a deployment', ['deployment']),
    azureImages: counter('azure_images_total', 'Images generated', ['deployment', 'model']),
    azureTokens: counter('azure_tokens_total', 'Tokens used, as reported by Azure', ['deployment', 'model', 'kind']),
    azureMegapixels: counter('azure_megapixels_total', 'Megapixels used, as reported by Azure', [
      'deployment',
      'model',
      'kind',
    ]),
    azureCost: counter('azure_cost_usd_total', 'Cost in US dollars at list price', ['deployment', 'model']),
    azureUnpricedImages: counter(
      'azure_unpriced_images_total',
      'Images whose cost is unknown, because the model has no list price or the usage was not reported',
      ['deployment', 'model'],
    ),
    setRetirementDays: readGauges(
      'model_retirement_days',
      'Days until Azure retires the model of a deployment, negative afterwards; absent if no date is known',
      ['deployment'],
    ),
    contentCredentials,
    policyRejections: counter(
      'policy_rejections_total',
      'Calls that a rule rejected, or would have rejected with "mode": "observe"; default: IMAGES_PER_DAY',
      ['rule'],
    ),
    policyFileValid: gauge('policy_file_valid', '0 while POLICY_FILE is invalid and the previous rules hold'),
    setBudgets: readGauges(
      'budget_usd',
      'Budgets of the current day and month (UTC), of all replicas together: spent, reserved by running calls, limit',
      ['rule', 'period', 'kind'],
    ),
    imagesSaved: counter('images_saved_total', 'Images written to IMAGES_DIR'),
    imagesNotSaved,
  }
}

export type Metrics = ReturnType<typeof createMetrics>
