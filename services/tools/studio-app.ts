import type { Tool } from '../calls/types.ts'

/** The page of the MCP App. Hosts cache it by its URI. */
export const STUDIO_URI = 'ui://azure-image-editor/studio.html'

/** Of tools whose results the studio shows. */
export const shownInStudio = { resourceUri: STUDIO_URI } satisfies Tool['ui']

/** Of tools that only the studio calls. Hosts hide them from models; no rights follow from it. */
export const appOnly = { visibility: ['app'] } as const satisfies Tool['ui']
