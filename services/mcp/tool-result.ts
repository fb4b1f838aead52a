import { STUDIO_META, type StudioMeta } from '../../schemas/studio.ts'
import type { ContentBlock, ToolResult } from '../calls/types.ts'
import type { App } from '../resources/types.ts'
import type { Features } from './features.ts'

/** A result as clients get it. */
interface ClientResult extends Pick<ToolResult, 'content' | 'isError'> {
  _meta?: object
}

/**
 * What clients get of a result; without `features`, in the newest revision. Where there are apps it has what the studio reads,
 * but not for callers without MCP headers: to them it would only be noise.
 */
export function toolResultOf(
  { content, isError, jobId, studio = factsOfTicket(jobId) }: ToolResult,
  { apps = [] }: { apps?: readonly App[] },
  features?: Features,
): ClientResult {
  const isForStudio = studio !== undefined && apps.length > 0 && features?.hasExtensions !== false
  return {
    content: features === undefined ? content : content.filter((block) => isKnownTo(features, block)),
    ...(isError === undefined ? {} : { isError }),
    ...(isForStudio ? { _meta: { [STUDIO_META]: studio } } : {}),
  }
}

/** Of a repeated ticket only the id is known. */
function factsOfTicket(jobId: string | undefined): StudioMeta | undefined {
  return jobId === undefined ? undefined : { job: { id: jobId, state: 'queued' } }
}

/** Older clients reject a whole result for one block of an unknown type. */
function isKnownTo(features: Features, block: ContentBlock): boolean {
  if (block.type === 'audio') return features.hasAudio
  if (block.type === 'resource_link') return features.hasResourceLinks
  return true
}
