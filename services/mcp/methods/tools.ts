import { CallToolParamsSchema, ListParamsSchema } from '../../../schemas/mcp.ts'
import { InlineBlob, restoreTexts } from '../../bytes/json/inline-blob.ts'
import { PreparedJson } from '../../bytes/json/writer.ts'
import { ServiceError, serviceError } from '../../errors/errors.ts'
import type { CompiledCatalog, CompiledTool, ContentBlock, ToolContext, ToolResult } from '../catalog.ts'
import { defineMethod, type MethodCall, type ToolOutcome } from '../method.ts'
import { internalError, invalidParams, missingCapability, ProtocolError } from '../protocol-error.ts'
import type { Revision } from '../revisions.ts'
import { describeErrors } from '../validation-message.ts'

export const listTools = defineMethod(
  { name: 'tools/list', cache: { ttlMs: 300_000, cacheScope: 'public' } },
  ListParamsSchema,
  (params, { catalog, revision }) => {
    // Everything fits on one page, so a cursor can only be an invented one.
    if (params.cursor !== undefined) throw invalidParams('Unknown cursor: the list of tools has one page.')
    return { tools: describeTools(catalog, revision) }
  },
)

const described = new WeakMap<CompiledCatalog, Map<Revision, PreparedJson>>()

/** Made once for each revision: with its schemas the list is by far the longest thing that is said without an image. */
function describeTools(catalog: CompiledCatalog, revision: Revision): PreparedJson {
  const byRevision = described.get(catalog) ?? new Map<Revision, PreparedJson>()
  described.set(catalog, byRevision)
  const known = byRevision.get(revision)
  if (known !== undefined) return known
  const tools = catalog.tools.values().map((tool) => describeTool(tool, revision))
  const list = new PreparedJson(tools.toArray())
  byRevision.set(revision, list)
  return list
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
  async (params, call) => {
    const compiled = call.catalog.tools.get(params.name)
    if (compiled === undefined) {
      throw invalidParams(`Unknown tool: ${params.name}. tools/list names the tools of this server.`)
    }
    const missing = compiled.tool.requiredCapabilities?.find((name) => !Object.hasOwn(call.clientCapabilities, name))
    if (missing !== undefined) throw missingCapability(missing)
    return await runTool(compiled, params.arguments ?? {}, call)
  },
)

async function runTool(compiled: CompiledTool, args: Record<string, unknown>, call: MethodCall): Promise<object> {
  const { name } = compiled.tool
  const startedAt = performance.now()
  let outcome: ToolOutcome = 'internal_error'
  call.observer.toolStarted(name)
  try {
    const result = await callChecked(compiled, args, call)
    outcome = result.isError === true ? 'input_error' : 'ok'
    return { ...result, content: result.content.filter((block) => isKnownTo(call.revision, block)) }
  } catch (error) {
    if (error instanceof ProtocolError) {
      outcome = 'rejected'
      throw error
    }
    if (call.signal.aborted) outcome = 'cancelled'
    else if (error instanceof ServiceError) outcome = `${error.family}_error`
    return responseFailure(error, name, call)
  } finally {
    call.observer.toolFinished(name, outcome, (performance.now() - startedAt) / 1000)
  }
}

async function callChecked(
  { tool, validator }: CompiledTool,
  given: Readonly<Record<string, unknown>>,
  call: MethodCall,
): Promise<ToolResult> {
  const context: ToolContext = {
    signal: call.signal,
    deadlineAt: call.deadlineAt,
    transport: call.transport,
    caller: call.caller,
    requestId: call.requestId,
    log: call.log,
    progress: call.progress,
  }
  const args = tool.normalize?.(given) ?? given
  const { imageArguments = [] } = tool
  restoreTexts(args, (parent, key) => parent === args && imageArguments.includes(key))
  tool.reject?.(args, context)
  const checked = withTextForBlobs(args)
  if (!validator.Check(checked)) throw serviceError('IMG_ERR_ARGUMENTS', [describeErrors(validator.Errors(checked))])
  const isReadOnly = tool.annotations.readOnlyHint
  const { caller, id, idempotencyKey, signal, response, log } = call
  const pending = { tool: tool.name, args, isReadOnly, caller, id, idempotencyKey, signal, response, log }
  return await call.guardCall(pending, () => tool.call(args, context))
}

/** What the schema judges: to it an image is a text. */
function withTextForBlobs(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const textFor = (value: unknown) => (value instanceof InlineBlob ? 'AAAA' : value)
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, Array.isArray(value) ? value.map(textFor) : textFor(value)]),
  )
}

/** The only place that turns a throw into a result; whatever is not ours to tell is an internal error. */
function responseFailure(error: unknown, tool: string, call: MethodCall): ToolResult {
  if (!(error instanceof ServiceError)) {
    // Whatever broke because the caller left is nobody's fault, and nobody is there to read of it.
    if (call.signal.aborted) return responseFailure(serviceError('IMG_ERR_CANCELLED', [], { cause: error }), tool, call)
    throw internalError(call.requestId, error)
  }
  const fields = { tool, code: error.code, retryable: error.retryable, detail: error.detail, err: error }
  if (error.family === 'input') call.log.info(fields, 'tool call rejected')
  else if (error.family === 'upstream') call.log.warn(fields, 'tool call failed upstream')
  else call.log.error(fields, 'tool call failed')
  return { content: [{ type: 'text', text: error.message }], isError: true }
}

/** Older clients reject a whole result for one block of a kind that they do not know. */
function isKnownTo(revision: Revision, block: ContentBlock): boolean {
  if (block.type === 'audio') return revision.hasAudio
  if (block.type === 'resource_link') return revision.hasResourceLinks
  return true
}
