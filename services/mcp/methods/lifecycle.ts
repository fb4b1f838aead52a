import { BaseParamsSchema, InitializeParamsSchema } from '../../../schemas/mcp.ts'
import { UI } from '../apps.ts'
import { canBeAsked } from '../capabilities.ts'
import type { CompiledCatalog } from '../catalog.ts'
import { type Features, featuresOf } from '../features.ts'
import { defineMethod } from '../method.ts'
import { createNotices } from '../notices.ts'
import { TASKS } from '../tasks.ts'
import type { McpContext, ServerInfo } from '../types.ts'

/**
 * Changes are notified on subscriptions, and in earlier revisions on a connection with one client: only there they are
 * promised. The list of prompts never changes.
 */
function describeCapabilities(catalog: CompiledCatalog, features: Features, { access, connection }: McpContext) {
  const isNotified = features.hasSubscriptions || connection !== undefined
  const listChanged = isNotified ? { listChanged: true } : {}
  const watch = isNotified ? catalog.resources?.watch : undefined
  const extensions = {
    ...(features.hasTasks && catalog.tasks !== undefined && { [TASKS]: {} }),
    ...(features.hasExtensions && (catalog.apps?.length ?? 0) > 0 && { [UI]: {} }),
  }
  const subscribe = watch === undefined ? {} : { subscribe: true }
  return {
    tools: listChanged,
    ...(features.hasClientLog && { logging: {} }),
    ...(catalog.resources && { resources: { ...subscribe, ...(watch?.listsFor(access) === true && listChanged) } }),
    ...(catalog.prompts === undefined ? {} : { prompts: {} }),
    ...(catalog.complete === undefined || !features.hasCompletionCapability ? {} : { completions: {} }),
    ...(Object.keys(extensions).length > 0 && { extensions }),
  }
}

/**
 * The handshake of legacy revisions. Nothing is stored: later requests name their revision in a header, and those of clients
 * that can be asked have their session.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation
 */
export const initialize = defineMethod({ name: 'initialize' }, InitializeParamsSchema, (params, request) => {
  const [newest = request.revision.version] = request.versions
  const protocolVersion = request.versions.includes(params.protocolVersion) ? params.protocolVersion : newest
  const features = featuresOf(protocolVersion)
  const { capabilities, clientInfo } = params
  const { engine, revision, context } = request
  const { connection, access, log } = context
  const questions = features.questionsInCall.filter((question) => canBeAsked(capabilities, question))
  context.introduce?.({ ...clientInfo, protocolVersion, canBeAsked: questions })
  if (connection !== undefined) {
    connection.notices?.[Symbol.dispose]()
    connection.notices = createNotices(connection, { engine, revision, access }, log)
  }
  return {
    protocolVersion,
    capabilities: describeCapabilities(request.engine.catalog, features, request.context),
    serverInfo: describeServer(request.engine.serverInfo, features),
    instructions: request.engine.instructions(request.context.access),
  }
})

export const ping = defineMethod({ name: 'ping' }, BaseParamsSchema, () => ({}))

/**
 * Not public: what callers may do with stored images is part of the instructions.
 * https://modelcontextprotocol.io/specification/2026-07-28/server/discover
 */
export const discover = defineMethod(
  { name: 'server/discover', introducesServer: true, cache: { ttlMs: 3_600_000, cacheScope: 'private' } },
  BaseParamsSchema,
  (_params, request) => ({
    supportedVersions: request.versions,
    capabilities: describeCapabilities(request.engine.catalog, request.revision, request.context),
    instructions: request.engine.instructions(request.context.access),
  }),
)

/** The server info, with the members that a revision has. */
export function describeServer({ name, title, version, icons }: ServerInfo, features: Features) {
  return {
    name,
    version,
    ...(features.hasTitles ? { title } : {}),
    ...(features.hasIcons && icons !== undefined ? { icons } : {}),
  }
}
