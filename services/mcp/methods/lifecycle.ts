import { BaseParamsSchema, InitializeParamsSchema } from '../../../schemas/mcp.ts'
import type { CompiledCatalog } from '../catalog.ts'
import { type Features, featuresOf } from '../features.ts'
import { defineMethod } from '../method.ts'
import type { ServerInfo } from '../types.ts'

/** No change notifications: nothing watches for changes, and results carry a time to live instead. */
function describeCapabilities(catalog: CompiledCatalog, features: Features) {
  return {
    tools: {},
    ...(catalog.resources === undefined ? {} : { resources: {} }),
    ...(catalog.prompts === undefined ? {} : { prompts: {} }),
    ...(catalog.complete === undefined || !features.hasCompletionCapability ? {} : { completions: {} }),
  }
}

/**
 * The handshake of legacy revisions. Nothing is stored: later requests name their revision in a header.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation
 */
export const initialize = defineMethod({ name: 'initialize' }, InitializeParamsSchema, (params, request) => {
  const [newest = request.revision.version] = request.versions
  const protocolVersion = request.versions.includes(params.protocolVersion) ? params.protocolVersion : newest
  const features = featuresOf(protocolVersion)
  return {
    protocolVersion,
    capabilities: describeCapabilities(request.engine.catalog, features),
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
    capabilities: describeCapabilities(request.engine.catalog, request.revision),
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
