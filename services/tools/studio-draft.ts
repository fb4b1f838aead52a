import Type from 'typebox'
import type { CallContext, Tool } from '../calls/types.ts'
import { DatabaseUnavailableError } from '../databases/unavailable.ts'
import { serviceError } from '../errors/errors.ts'
import type { LibraryAccess } from '../library/access.ts'
import type { Drafts } from '../library/drafts.ts'
import { reference } from '../parameters/table.ts'
import { normalizer } from './arguments.ts'
import type { ImageReferences } from './image-references.ts'
import { appOnly } from './studio-app.ts'

export interface StudioDraftOptions {
  drafts: Drafts
  references: ImageReferences
}

/** Of a draft, in UTF-8. */
const MAX_BYTES = 65_536
const RETRY_MS = 10_000

const properties = {
  id: Type.Optional(reference('The id of the image.')),
  text: Type.Optional(
    Type.String({ description: 'Stored in place of the earlier text; empty: removes it.', maxLength: MAX_BYTES }),
  ),
}

/**
 * What a person has begun in the studio, so that a reload does not lose it. Callers without authentication would share theirs
 * with everybody who has the same address, so that the tool exists only where images are listed.
 */
export function studioDraft({ drafts, references }: StudioDraftOptions): Tool {
  const inputSchema = Type.Object(properties, { additionalProperties: false })
  const normalize = normalizer(inputSchema)
  const tool: Tool<typeof inputSchema> = {
    name: 'studio_draft',
    title: 'Draft of the studio',
    description: 'For the studio page only: stores what its user has begun.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    needsListing: true,
    ui: appOnly,

    // Blank texts are drafts as well.
    normalize: (args) => ({ ...normalize(args), ...(typeof args.text === 'string' ? { text: args.text } : {}) }),

    async call({ id, text }, context) {
      if (text !== undefined && Buffer.byteLength(text) > MAX_BYTES)
        throw serviceError('IMG_ERR_DRAFT_BYTES', [MAX_BYTES])
      const image = id === undefined ? '' : await imageOf(id, context)
      const owner = ownerOf(context.access)
      if (text !== undefined) await drafts.put(owner, image, text).catch(rejectUnreachable)
      const draft = text ?? (await drafts.get(owner, image).catch(rejectUnreachable)) ?? ''
      const line = draft === '' ? 'There is no draft.' : 'The draft is stored for 7 days.'
      return { content: [{ type: 'text', text: line }], studio: { draft: draft === '' ? null : draft } }
    },
  }

  /** Only images that exist have drafts, and only for those who may use them. */
  async function imageOf(id: string, context: CallContext): Promise<string> {
    return (await references.findRecord('id', id, context)).id
  }
  return tool
}

/** On the user's own machine everything is the user's, whatever address a request comes from. */
const ownerOf = ({ owner, changes }: LibraryAccess): string => (changes === 'all' ? '' : owner)

function rejectUnreachable(cause: unknown): never {
  if (!(cause instanceof DatabaseUnavailableError)) throw cause
  throw serviceError('IMG_ERR_DRAFT_STORE', [RETRY_MS / 1000], { cause, retryAfterMs: RETRY_MS })
}
