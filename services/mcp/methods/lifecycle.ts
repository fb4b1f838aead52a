import { BaseParamsSchema, InitializeParamsSchema } from '../../../schemas/mcp.ts'
import type { CompiledCatalog } from '../catalog.ts'
import { type Features, featuresOf } from '../features.ts'
import { defineMethod, type ServerInfo } from '../method.ts'

/** No change notifications are promised: nothing here watches for changes, and results carry a time to live instead. */
function describeCapabilities(catalog: CompiledCatalog, features: Features) {
  return {
    tools: {},
    ...(catalog.resources === undefined ? {} : { resources: {} }),
    ...(catalog.prompts === undefined ? {} : { prompts: {} }),
    ...(catalog.complete === undefined || !features.hasCompletionCapability ? {} : { completions: {} }),
  }
}

/**
 * The handshake of legacy revisions. Nothing is remembered: later requests say their revision in a header.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation
 */
export const initialize = defineMethod({ name: 'initialize' }, InitializeParamsSchema, (params, call) => {
  const [newest = call.revision.version] = call.versions
  const protocolVersion = call.versions.includes(params.protocolVersion) ? params.protocolVersion : newest
  const features = featuresOf(protocolVersion)
  return {
    protocolVersion,
    capabilities: describeCapabilities(call.catalog, features),
    serverInfo: describeServer(call.serverInfo, features),
    instructions: call.instructions,
  }
})

export const ping = defineMethod({ name: 'ping' }, BaseParamsSchema, () => ({}))

/** https://modelcontextprotocol.io/specification/2026-07-28/server/discover */
export const discover = defineMethod(
  { name: 'server/discover', cache: { ttlMs: 3_600_000, cacheScope: 'public' } },
  BaseParamsSchema,
  (_params, call) => ({
    supportedVersions: call.versions,
    capabilities: describeCapabilities(call.catalog, call.revision),
    instructions: call.instructions,
  }),
)

/** Who we are, in the words that a revision has for it. */
export function describeServer({ name, title, version, websiteUrl, icons }: ServerInfo, features: Features) {
  return {
    name,
    version,
    ...(features.hasTitles ? { title } : {}),
    ...(features.hasIcons && websiteUrl !== undefined ? { websiteUrl } : {}),
    ...(features.hasIcons && icons !== undefined ? { icons } : {}),
  }
}
