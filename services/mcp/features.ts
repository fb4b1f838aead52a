/** What a revision of MCP can say, besides the methods it has. Versions are dates, so they compare as strings. */
export interface Features {
  /** JSON-RPC batches came with 2025-03-26 and went with 2025-06-18. */
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
  /** Whether an error to an unreadable request has `"id": null`, as JSON-RPC wants it, or no id, as MCP does now. */
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
