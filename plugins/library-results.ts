import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createLibraryResults, type LibraryResults } from '../services/calls/library-result.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined without the library. */
    libraryResults: LibraryResults | undefined
  }
}

/** Decorates `libraryResults`: results that are repeated from the library. */
async function libraryResults(fastify: FastifyInstance): Promise<void> {
  const { config, library, links, pixels } = fastify
  const { images } = config
  fastify.decorate(
    'libraryResults',
    library &&
      createLibraryResults({ library, links, pixels, imageLimits: images, maxInlineBytes: images.maxInlineBytes }),
  )
}

export default fp(libraryResults, { name: 'library-results', dependencies: ['config', 'library', 'links', 'imaging'] })
