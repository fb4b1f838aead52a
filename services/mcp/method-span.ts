import type { Call } from '../../schemas/json-rpc.ts'
import { isRecord } from '../bytes/json/is-record.ts'
import { inTrace } from '../calls/derive-context.ts'
import { noTrace, type Span, type SpanFacts } from '../telemetry/trace.ts'
import { revisionOf } from './negotiation.ts'
import type { McpContext, Response } from './types.ts'

/** Ids that are harmless in a trace; a client may choose any text. */
const SAFE_ID = /^[\w.:-]{1,64}$/

/**
 * Handles a request within a span of its own, as MCP's conventions for traces say
 * (https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md): the trace that the message itself
 * names in `_meta` is continued, and the HTTP request that carried it is linked.
 *
 * @param method of the known ones, or `other`
 */
export async function traceMethod(
  call: Call,
  method: string,
  context: McpContext,
  isTool: (name: string) => boolean,
  handle: (context: McpContext) => Promise<Response>,
): Promise<Response> {
  const { trace } = context
  if (trace === noTrace || call.id === undefined) return await handle(context)
  const remote = trace.join(isRecord(call.params) ? call.params._meta : undefined, !context.caller.isAnonymous)
  const tool = toolIn(call, isTool)
  const span = (remote ?? trace).start(tool === undefined ? method : `${method} ${tool}`, {
    kind: 'server',
    links: remote === undefined ? [] : [trace],
    facts: factsOf(call, method, tool, context),
  })
  try {
    const response = await handle(inTrace(context, span.trace))
    addOutcome(span, response)
    return response
  } finally {
    span.end()
  }
}

function toolIn({ method, params }: Call, isTool: (name: string) => boolean): string | undefined {
  const name = method === 'tools/call' && isRecord(params) ? params.name : undefined
  return typeof name === 'string' && isTool(name) ? name : undefined
}

function factsOf(call: Call, method: string, tool: string | undefined, context: McpContext): SpanFacts {
  const version = revisionOf(call, context)?.version
  const id = String(call.id)
  return {
    'mcp.method.name': method,
    'network.transport': context.door === 'stdio' ? 'pipe' : 'tcp',
    ...(version === undefined ? {} : { 'mcp.protocol.version': version }),
    ...(SAFE_ID.test(id) ? { 'jsonrpc.request.id': id } : {}),
    ...(tool === undefined ? {} : { 'gen_ai.tool.name': tool, 'gen_ai.operation.name': 'execute_tool' }),
  }
}

function addOutcome(span: Span, { body }: Response): void {
  if (body === undefined || Array.isArray(body)) return
  if ('error' in body) {
    const code = String(body.error.code)
    span.add({ 'rpc.response.status_code': code })
    span.fail(code)
  } else if (isRecord(body.result) && body.result.isError === true) span.fail('tool_error')
}
