import type { Question } from '../calls/input.ts'

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
  /** A request may ask for log lines; earlier revisions set a level for a whole session. */
  hasClientLog: boolean
  /** What clients can be asked by requests of ours while they wait; later revisions ask by results. */
  questionsInCall: readonly Question[]
  /** Forms with defaults, several choices and titles of choices. */
  hasWideForms: boolean
  /** Changes are notified on a stream that a request opens. */
  hasSubscriptions: boolean
  /** Extensions that both sides declare; earlier clients do not know what `_meta` of a tool is. */
  hasExtensions: boolean
  /** The Tasks extension; that of 2025-11-25 had another form. */
  hasTasks: boolean
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
    hasClientLog: version >= '2026-07-28',
    questionsInCall: questionsIn(version),
    hasWideForms: version >= '2025-11-25',
    hasSubscriptions: version >= '2026-07-28',
    hasExtensions: version >= '2025-06-18',
    hasTasks: version >= '2026-07-28',
    hasNullId: version < '2025-11-25',
  }
}

function questionsIn(version: string): readonly Question[] {
  if (version < '2025-06-18' || version >= '2026-07-28') return []
  return version < '2025-11-25' ? ['form'] : ['form', 'url']
}
