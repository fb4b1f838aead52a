import { ServiceError } from '../errors/errors.ts'
import { Rejection } from '../errors/rejection.ts'

/**
 * What a span may say: a closed set, so that no prompt, path, address, id of an image or credential can be put on one by
 * mistake. Names without our prefix are from https://opentelemetry.io/docs/specs/semconv.
 */
export interface SpanFacts {
  'http.request.method'?: string
  'http.route'?: string
  'http.response.status_code'?: number
  /** Requests of this call to Azure before this one. */
  'http.request.resend_count'?: number
  'server.address'?: string
  'network.transport'?: 'tcp' | 'pipe'
  'mcp.method.name'?: string
  'mcp.protocol.version'?: string
  'jsonrpc.request.id'?: string
  'rpc.response.status_code'?: string
  'gen_ai.operation.name'?: 'execute_tool' | 'generate_content'
  'gen_ai.tool.name'?: string
  'gen_ai.provider.name'?: 'azure.ai.openai' | 'azure.ai.inference'
  'gen_ai.request.model'?: string
  'gen_ai.usage.input_tokens'?: number
  'gen_ai.usage.output_tokens'?: number
  'messaging.destination.name'?: 'jobs'
  'messaging.operation.type'?: 'send' | 'process'
  'image_mcp.door'?: 'mcp' | 'stdio' | 'openai'
  'image_mcp.deployment'?: string
  'image_mcp.operation'?: 'generate' | 'edit'
  'image_mcp.images'?: number
  /** US dollars at list price. */
  'image_mcp.cost_usd'?: number
}

/** `sent`: the first byte of the request is out, from where on Azure may bill. `receiving`: the response begins. */
export type SpanEvent = 'sent' | 'receiving'

export interface SpanOptions {
  /** By default `internal`. */
  kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  facts?: SpanFacts
  /** Spans that caused it, beside its parent. */
  links?: readonly Trace[]
  /** `performance.now()`; by default now. */
  startedAt?: number
}

/** A piece of work in a trace. Nothing here ever throws, and a span that was not ended is not exported. */
export interface Span {
  /** Where the spans of its parts begin. */
  readonly trace: Trace
  add(facts: SpanFacts): void
  happened(event: SpanEvent): void
  /** @param errorType a code of ours or a status, never the text of an error */
  fail(errorType: string): void
  end(): void
}

/** What another process needs to continue a trace. https://www.w3.org/TR/trace-context/ */
export interface TraceCarrier {
  traceparent: string
  tracestate?: string
}

/** A place in a trace, below which spans are started. */
export interface Trace {
  /** For log lines; absent outside of a trace. */
  readonly id: string | undefined
  /** Absent if the trace is not exported. For exemplars, which lead nowhere otherwise. */
  readonly sampledId: string | undefined
  start(name: string, options?: SpanOptions): Span
  /**
   * Continues the trace that a message names.
   * @param message untrusted; its members `traceparent` and `tracestate` are looked at
   * @param isTrusted whether its sender decides if the trace is exported; otherwise this service decides by its own rate
   * @returns undefined if there is no valid one
   */
  join(message: unknown, isTrusted: boolean): Trace | undefined
  /** Undefined outside of a trace. */
  carrier(): TraceCarrier | undefined
}

const noSpan: Span = {
  get trace() {
    return noTrace
  },
  add() {},
  happened() {},
  fail() {},
  end() {},
}

/** Without an exporter there are no traces, and they cost nothing. */
export const noTrace: Trace = {
  id: undefined,
  sampledId: undefined,
  start: () => noSpan,
  join: () => undefined,
  carrier: () => undefined,
}

/** Does the work within a span, which fails and ends with it. */
export async function inSpan<T>(
  trace: Trace,
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = trace.start(name, options)
  try {
    return await work(span)
  } catch (error) {
    span.fail(errorTypeOf(error))
    throw error
  } finally {
    span.end()
  }
}

/** A member of a closed set: texts of errors may quote what they are about. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof ServiceError) return error.code
  return error instanceof Rejection ? String(error.statusCode) : 'internal_error'
}
