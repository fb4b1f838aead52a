import { createHash } from 'node:crypto'
import { cachePromise } from '../net/cached-promise.ts'
import { type InlineSources, inlineSourcesOf } from '../net/inline-sources.ts'

/** The studio: one page for browsers and for hosts of MCP Apps. */
export interface StudioPage {
  /** Read when it is first asked for. */
  load(): Promise<LoadedPage>
}

export interface LoadedPage {
  html: string
  /** The same for the same content, with quotes. */
  etag: string
  sources: InlineSources
}

export function createStudioPage(read: () => Promise<string>): StudioPage {
  return {
    load: cachePromise(async () => {
      const html = await read()
      const hash = createHash('sha256').update(html).digest('base64url')
      return { html, etag: `"${hash}"`, sources: inlineSourcesOf(html) }
    }),
  }
}
