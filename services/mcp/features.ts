/** Features of a revision of MCP besides its methods. */
export interface Features {
  /** JSON-RPC batches were added in 2025-03-26 and removed in 2025-06-18. */
  hasBatches: boolean
  hasToolAnnotations: boolean
  hasAudio: boolean
  hasProgressMessages: boolean
  /** The `completions` capability; the method is older. */
  hasCompletionCapability: boolean
  hasTitles: boolean
  hasResourceLinks: boolean
  /** `annotations.lastModified` of resources. */
  hasLastModified: boolean
  hasIcons: boolean
  /** Whether the error for a request without a readable id has `"id": null` (JSON-RPC) or no id (MCP since 2025-11-25). */
  hasNullId: boolean
}

/** The changes are listed at https://modelcontextprotocol.io/specification/2026-07-28/changelog and its predecessors. */
export function featuresOf(version: string): Features {
  return {
    hasBatches: version === '2025-03-26',
    hasToolAnnotations: version >= '2025-03-26',
    hasAudio: version >= '2025-03-26',
    hasProgressMessages: version >= '2025-03-26',
    hasCompletionCapability: version >= '2025-03-26',
    hasTitles: version >= '2025-06-18',
    hasResourceLinks: version >= '2025-06-18',
    hasLastModified: version >= '2025-06-18',
    hasIcons: version >= '2025-11-25',
    hasNullId: version < '2025-11-25',
  }
}
