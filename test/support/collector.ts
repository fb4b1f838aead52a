import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { TestContext } from 'node:test'
import type { Environment } from '../../services/config/environment.ts'
import { listenOnLoopback } from './fake-azure.ts'
import { type Batch, type ReceivedSpan, readTraceRequest } from './otlp-protobuf.ts'
import { waitFor } from './wait-for.ts'

export interface Collector {
  /** Variables of a service that exports to it. */
  readonly environment: Record<string, string>
  readonly url: string
  readonly batches: readonly Batch[]
  readonly spans: readonly ReceivedSpan[]
  /** What came, byte for byte. */
  readonly bodies: readonly Buffer[]
  readonly headers: readonly IncomingHttpHeaders[]
  /** The status of its responses from now on; undefined: it does not respond. */
  status: number | undefined
  /** Spans of a name, once there are so many. */
  waitForSpans(name: string, count?: number): Promise<ReceivedSpan[]>
}

/** Receives traces over a real socket, as JSON and as protobuf. */
export async function startCollector(t: TestContext, more: Environment = {}): Promise<Collector> {
  const batches: Batch[] = []
  const bodies: Buffer[] = []
  const headers: IncomingHttpHeaders[] = []
  const state = { status: 200 as number | undefined }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      bodies.push(body)
      headers.push(request.headers)
      if (state.status === undefined) return
      if (state.status < 300) batches.push(...read(body, request.headers['content-type']))
      response.writeHead(state.status).end()
    })
  })
  const url = `http://127.0.0.1:${await listenOnLoopback(t, server)}`
  t.after(() => server.closeAllConnections())
  const spans = () => batches.flatMap((batch) => batch.spans)
  return {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '20',
      ...Object.fromEntries(Object.entries(more).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    },
    url,
    batches,
    bodies,
    headers,
    get spans() {
      return spans()
    },
    get status() {
      return state.status
    },
    set status(status) {
      state.status = status
    },
    async waitForSpans(name, count = 1) {
      const named = () => spans().filter((span) => span.name === name)
      await waitFor(`${count} spans ${name}`, () => named().length >= count)
      return named()
    },
  }
}

function read(body: Buffer, type: string | undefined): Batch[] {
  return type === 'application/json' ? readJson(JSON.parse(body.toString())) : readTraceRequest(body)
}

interface JsonValue {
  stringValue?: string
  intValue?: string | number
  doubleValue?: number
}
interface JsonAttribute {
  key: string
  value: JsonValue
}
interface JsonSpan {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId?: string
  attributes: JsonAttribute[]
  events: { name: string }[]
  links: { traceId: string; spanId: string }[]
  status: { code?: number; message?: string }
}
interface JsonRequest {
  resourceSpans: { resource: { attributes: JsonAttribute[] }; scopeSpans: { spans: JsonSpan[] }[] }[]
}

const attributesOf = (attributes: JsonAttribute[]) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue ?? value.doubleValue)]),
  )

function readJson({ resourceSpans }: JsonRequest): Batch[] {
  return resourceSpans.map(({ resource, scopeSpans }) => ({
    resource: attributesOf(resource.attributes),
    spans: scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        name: span.name,
        kind: span.kind,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        attributes: attributesOf(span.attributes),
        events: span.events.map(({ name }) => name),
        links: span.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
        isError: span.status.code === 2,
        statusMessage: span.status.message ?? '',
      })),
    ),
  }))
}
