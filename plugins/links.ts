import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createLinks, type Links } from '../services/library/links/links.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined: there is no library, or the service is used over stdio and has no address. */
    links: Links | undefined
  }
}

/** Decorates `links`, the signed addresses of images. */
async function links(fastify: FastifyInstance): Promise<void> {
  const { config, library, serverSecret, appOptions } = fastify
  const isOn = library !== undefined && appOptions.transport !== 'stdio'
  fastify.decorate(
    'links',
    isOn ? createLinks({ key: serverSecret.keyFor('links'), ttlMs: config.library.linkTtlMs }) : undefined,
  )
}

export default fp(links, { name: 'links', dependencies: ['config', 'library', 'server-secret'] })
