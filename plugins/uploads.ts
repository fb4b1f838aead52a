import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createUploads, type Uploads } from '../services/library/uploads/uploads.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined: there is no library, or the service is used over stdio and has no address. */
    uploads: Uploads | undefined
  }
}

/** Decorates `uploads`, the one-time addresses to which clients send images. */
async function uploads(fastify: FastifyInstance): Promise<void> {
  const { config, library, serverSecret, appOptions } = fastify
  const isOn = library !== undefined && appOptions.transport !== 'stdio'
  const key = serverSecret.keyFor('uploads')
  const { uploadWaitMs: waitMs } = { ...defaultTiming, ...appOptions.timing }
  fastify.decorate('uploads', isOn ? createUploads({ library, limits: config.images, key, waitMs }) : undefined)
}

export default fp(uploads, { name: 'uploads', dependencies: ['config', 'library', 'server-secret'] })
