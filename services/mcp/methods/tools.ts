import { CallToolParamsSchema, ListParamsSchema } from '../../../schemas/mcp.ts'
import { PreparedJson } from '../../bytes/json/writer.ts'
import type { CallContext, CompiledTool, ContentBlock, Tool, ToolResult } from '../../calls/types.ts'
import { ServiceError, serviceError } from '../../errors/errors.ts'
import { reasonOf } from '../../errors/reason.ts'
import { Rejection } from '../../errors/rejection.ts'
import type { LibraryAccess } from '../../library/access.ts'
import type { CompiledCatalog } from '../catalog.ts'
import { defineMethod } from '../method.ts'
import { internalError, invalidParams, missingCapability } from '../protocol-error.ts'
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
function describeTools(catalog: CompiledCatalog, revision: Revision, access: LibraryAccess): PreparedJson {
  const byRevision = described.get(catalog) ?? new Map<Revision, Partial<Record<'all' | 'some', PreparedJson>>>()
  described.set(catalog, byRevision)
  const lists = byRevision.get(revision) ?? {}
  byRevision.set(revision, lists)
  const which = access.canList ? 'all' : 'some'
  const tools = catalog.tools.values().filter(({ tool }) => isOffered(tool, access))
  lists[which] ??= new PreparedJson(tools.map((tool) => describeTool(tool, revision)).toArray())
  return lists[which]
}

function isOffered({ needsListing }: Tool, { canList }: LibraryAccess): boolean {
  return canList || needsListing !== true
}

function describeTool({ tool }: CompiledTool, revision: Revision) {
  const { name, title, description, inputSchema, annotations, icons } = tool
  return {
    name,
    ...(revision.hasTitles ? { title } : {}),
    description,
    inputSchema,
    ...(revision.hasToolAnnotations ? { annotations: { title, ...annotations } } : {}),
    ...(revision.hasIcons && icons !== undefined ? { icons } : {}),
  }
}

export const callTool = defineMethod(
  { name: 'tools/call', nameMember: 'name' },
  CallToolParamsSchema,
  async (params, request) => {
    const { engine, clientCapabilities } = request
    const tool = engine.catalog.tools.get(params.name)
    if (tool === undefined) {
      throw invalidParams(`Unknown tool: ${params.name}. tools/list names the tools of this server.`)
    }
    const missing = tool.tool.requiredCapabilities?.find((name) => !Object.hasOwn(clientCapabilities, name))
    if (missing !== undefined) throw missingCapability(missing)
    return await runTool(tool, params.arguments ?? {}, request)
  },
)

async function runTool(tool: CompiledTool, args: Record<string, unknown>, request: McpRequest): Promise<ToolResult> {
  const { context, engine, id, isBatched, revision } = request
  const idempotencyKey = isBatched ? undefined : context.idempotencyKey
  try {
    if (!isOffered(tool.tool, context.access)) throw serviceError('IMG_ERR_LIBRARY_LISTING', [])
    const result = await engine.runCall({ context, tool, args, cost: 0, requestId: id, idempotencyKey })
    return { ...result, content: result.content.filter((block) => isKnownTo(revision, block)) }
  } catch (error) {
    return toErrorResult(error, tool.tool.name, context)
  }
}

/** The only place that turns a failed call into a result; unexpected errors become internal errors. */
function toErrorResult(error: unknown, tool: string, context: CallContext): ToolResult {
  if (error instanceof Rejection) throw error
  if (!(error instanceof ServiceError)) {
    if (!context.isCancelled) throw internalError(context.id, error)
    // A failure that the client's disconnect caused is a cancellation.
    return toErrorResult(serviceError('IMG_ERR_CANCELLED', [], { cause: error }), tool, context)
  }
  // One line says everything; a stack would only show where our own error was created.
  const { code, retryable, detail } = error
  const fields = { tool, caller: context.caller.id, code, retryable, reason: reasonOf(error), ...detail }
  if (error.family === 'input') context.log.info(fields, 'tool call rejected')
  else if (error.family === 'upstream') context.log.warn(fields, 'tool call failed upstream')
  else context.log.error(fields, 'tool call failed')
  return { content: [{ type: 'text', text: error.message }], isError: true }
}

/** Older clients reject a whole result for one block of an unknown type. */
function isKnownTo(revision: Revision, block: ContentBlock): boolean {
  if (block.type === 'audio') return revision.hasAudio
  if (block.type === 'resource_link') return revision.hasResourceLinks
  return true
}
