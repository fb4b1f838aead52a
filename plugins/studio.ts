import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createDrafts, type Drafts } from '../services/library/drafts.ts'
import type { ImageVariants } from '../services/library/image-variants.ts'
import { createStudioPage, type StudioPage } from '../services/resources/studio-page.ts'
import type { App } from '../services/resources/types.ts'
import { STUDIO_URI } from '../services/tools/studio-app.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The page on which people edit images, for browsers and for hosts of MCP Apps; undefined: there is none. */
    studio: { page: StudioPage; app: App; drafts: Drafts; variants: ImageVariants } | undefined
  }
}

/** What `web/build.ts` exports. */
interface StudioSources {
  buildStudio(): Promise<string>
}

/** Tools without which the page shows nothing. */
const needed = ['list_models', 'studio_image']

/** Beside the bundle of the service. */
const BUILT = join(import.meta.dirname, '../studio.html')
/** Only where the service runs from its sources. No literal, so that it does not become a part of the bundle. */
const SOURCES = new URL('../web/build.ts', import.meta.url).href

/** Decorates `studio`. It shows images by their ids, and generates them as jobs. */
async function studio(fastify: FastifyInstance): Promise<void> {
  const { config, imageVariants: variants, stateDatabase: database } = fastify
  const { hasStudio, tools = ['default'] } = config.library
  const isOffered = tools.includes('default') || needed.every((name) => tools.includes(name))
  if (!hasStudio || !isOffered || database === undefined) {
    fastify.decorate('studio', undefined)
    return
  }
  const page = createStudioPage(readPage)
  const ui = { prefersBorder: false, permissions: { clipboardWrite: {} } }
  const app = { uri: STUDIO_URI, html: async () => (await page.load()).html, ui }
  fastify.decorate('studio', { page, app, drafts: createDrafts({ database }), variants })
}

async function readPage(): Promise<string> {
  if (import.meta.filename.endsWith('.js')) return await readFile(BUILT, 'utf8')
  const { buildStudio }: StudioSources = await import(SOURCES)
  return await buildStudio()
}

export default fp(studio, { name: 'studio', dependencies: ['config', 'image-variants', 'state'] })
