import { CallToolParamsSchema, ListParamsSchema } from '../../../schemas/mcp.ts'
import { PreparedJson } from '../../bytes/json/writer.ts'
import { memberContext } from '../../calls/derive-context.ts'
import { InputRequired } from '../../calls/input.ts'
import { logFailedCall } from '../../calls/log-failure.ts'
import { isOffered } from '../../calls/offered-tools.ts'
import type { Call, CallContext, CompiledTool, Tool, ToolResult } from '../../calls/types.ts'
import { ServiceError, serviceError } from '../../errors/errors.ts'
import { Rejection } from '../../errors/rejection.ts'
import type { LibraryAccess } from '../../library/access.ts'
import { appMetaOf } from '../apps.ts'
import { hasCapability, questionsFor } from '../capabilities.ts'
import type { CompiledCatalog } from '../catalog.ts'
import { clientNameIn } from '../envelope.ts'
import { iconsOf } from '../icons.ts'
import { defineMethod } from '../method.ts'
import { internalError, invalidParams, missingCapability } from '../protocol-error.ts'
import { TASKS } from '../tasks.ts'
import { toolResultOf } from '../tool-result.ts'
import type { McpRequest, Revision } from '../types.ts'

/** Not public: callers that may list stored images have more tools. */
export const listTools = defineMethod(
  { name: 'tools/list', cache: { ttlMs: 300_000, cacheScope: 'private' } },
  ListParamsSchema,
  ({ cursor }, { context: { access }, engine, revision }) => {
    // Everything fits on one page, so no cursor can be valid.
    if (cursor !== undefined) throw invalidParams('Unknown cursor: the list of tools has one page.')
    return { tools: describeTools(engine.catalog, revision, access) }
  },
)

const described = new WeakMap<CompiledCatalog, Map<Revision, Partial<Record<'all' | 'some', PreparedJson>>>>()

/** Serialized once for each revision and access: with its schemas the list is the longest response without an image. */
export function describeTools(catalog: CompiledCatalog, revision: Revision, access: LibraryAccess): PreparedJson {
  const byRevision = described.get(catalog) ?? new Map<Revision, Partial<Record<'all' | 'some', PreparedJson>>>()
  described.set(catalog, byRevision)
  const lists = byRevision.get(revision) ?? {}
  byRevision.set(revision, lists)
  const which = access.canList ? 'all' : 'some'
  const tools = catalog.tools
    .values()
    .filter(({ tool }) => isListed(tool, revision, catalog) && isOffered(tool, access))
  lists[which] ??= new PreparedJson(tools.map((tool) => describeTool(tool, revision, catalog)).toArray())
  return lists[which]
}

/** Clients that cannot be told that only an app uses a tool would show it to their models. */
function isListed(tool: Tool, { hasExtensions }: Revision, { apps = [] }: CompiledCatalog): boolean {
  return isForModels(tool) || (hasExtensions && apps.length > 0)
}

const isForModels = ({ ui }: Tool): boolean => ui?.visibility?.includes('model') ?? true

function describeTool({ tool }: CompiledTool, revision: Revision, { apps }: CompiledCatalog) {
  const { name, title, description, inputSchema, annotations } = tool
  return {
    name,
    ...(revision.hasTitles ? { title } : {}),
    description,
    inputSchema,
    // Until there were titles, this was their place.
    ...(revision.hasToolAnnotations
      ? { annotations: { ...(revision.hasTitles ? {} : { title }), ...annotations } }
      : {}),
    // People do not see the tools of an app.
    ...(isForModels(tool) ? iconsOf(tool, revision) : {}),
    ...(revision.hasExtensions ? appMetaOf(tool, apps) : {}),
  }
}

export const callTool = defineMethod(
  { name: 'tools/call', nameMember: 'name', asks: true },
  CallToolParamsSchema,
  async (params, request) => {
    const { engine, clientCapabilities } = request
    const tool = engine.catalog.tools.get(params.name)
    if (tool === undefined) {
      throw invalidParams(`Unknown tool: ${params.name}. tools/list names the tools of this server.`)
    }
    const missing = tool.tool.requiredCapabilities?.find((name) => !hasCapability(clientCapabilities, name))
    if (missing !== undefined) throw missingCapability(missing)
    return await runTool(tool, params.arguments ?? {}, handOverAfter(params, request), request)
  },
)

/** When the client of a request gets a job id. */
function handOverAfter(params: object, { engine, context, startedAt }: McpRequest): number | undefined {
  const { headers, client } = context
  // Without headers it is stdio, which only MCP clients use.
  const isMcp = headers === undefined || headers.protocolVersion !== undefined
  const afterMs = engine.handOverAfterMs?.({ name: clientNameIn({ params }) ?? client?.name, isMcp })
  // What its user took to respond counts: the client waits for all of it.
  return afterMs && Math.max(0, afterMs - (performance.now() - startedAt))
}

async function runTool(
  tool: CompiledTool,
  args: Record<string, unknown>,
  handOverAfterMs: number | undefined,
  request: McpRequest,
): Promise<object> {
  const { engine, id, isBatched, revision } = request
  const context = isBatched ? memberContext(request.context) : request.context
  const { tasks } = engine.catalog
  const idempotencyKey = isBatched ? undefined : context.idempotencyKey
  try {
    if (!isOffered(tool.tool, context.access)) throw serviceError('IMG_ERR_LIBRARY_LISTING', [])
    const task = tasks === undefined ? undefined : taskFor(request)
    const call: Call = {
      context,
      tool,
      args,
      cost: 0,
      requestId: id,
      idempotencyKey,
      task,
      handOverAfterMs,
    }
    const result = await engine.runCall(call)
    // A client that requests a job by the argument gets its id in a text.
    if (tasks === undefined || task === undefined || result.jobId === undefined || call.args.job === true) {
      return toolResultOf(result, engine.catalog, revision)
    }
    return await tasks.created(result.jobId, context)
  } catch (error) {
    return toolResultOf(toErrorResult(error, tool.tool.name, context), engine.catalog, revision)
  }
}

/** Undefined: the client knows no tasks. */
function taskFor({ clientCapabilities }: McpRequest): Call['task'] {
  return hasCapability(clientCapabilities, TASKS) ? { canBeAsked: questionsFor(clientCapabilities) } : undefined
}

/** The only place that turns a failed call into a result; unexpected errors become internal errors. */
function toErrorResult(error: unknown, tool: string, context: CallContext): ToolResult {
  if (error instanceof Rejection || error instanceof InputRequired) throw error
  if (!(error instanceof ServiceError)) {
    if (!context.isCancelled) throw internalError(context.id, error)
    // A failure that the client's disconnect caused is a cancellation.
    return toErrorResult(serviceError('IMG_ERR_CANCELLED', [], { cause: error }), tool, context)
  }
  const { code, studio } = error
  logFailedCall(error, context, 'tool call', { tool })
  context.tell?.({
    level: error.family === 'input' ? 'warning' : 'error',
    logger: 'calls',
    message: error.message,
    code,
  })
  return { content: [{ type: 'text', text: error.message }], isError: true, studio }
}
