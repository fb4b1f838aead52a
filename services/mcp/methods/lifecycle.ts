import { BaseParamsSchema, InitializeParamsSchema } from '../../../schemas/mcp.ts'
import type { CompiledCatalog } from '../catalog.ts'
import { defineMethod } from '../method.ts'

/** No change notifications are promised: nothing here watches for changes, and results carry a time to live instead. */
function describeCapabilities(catalog: CompiledCatalog) {
  return {
    tools: {},
    ...(catalog.resources === undefined ? {} : { resources: {} }),
    ...(catalog.prompts === undefined ? {} : { prompts: {} }),
    ...(catalog.complete === undefined ? {} : { completions: {} }),
  }
}

/**
 * The handshake of legacy revisions. Nothing is remembered: later requests say their revision in a header.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation
 */
export const initialize = defineMethod({ name: 'initialize' }, InitializeParamsSchema, (params, call) => {
  const [newest = call.revision.version] = call.versions
  return {
    protocolVersion: call.versions.includes(params.protocolVersion) ? params.protocolVersion : newest,
    capabilities: describeCapabilities(call.catalog),
    serverInfo: call.serverInfo,
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
    capabilities: describeCapabilities(call.catalog),
    instructions: call.instructions,
  }),
)
