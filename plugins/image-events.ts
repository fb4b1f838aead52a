import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createImageEvents, type ImageEvents } from '../services/library/image-events.ts'

declare module 'fastify' {
  interface FastifyInstance {
    imageEvents: ImageEvents
  }
}

/** Decorates `imageEvents`: which images were stored, changed and removed, on any replica. */
async function imageEvents(fastify: FastifyInstance): Promise<void> {
  const changes = createImageEvents(fastify.serverSecret.keyFor('image-events'), fastify.redis)
  fastify.addHook('onClose', async () => changes[Symbol.dispose]())
  fastify.decorate('imageEvents', changes)
}

export default fp(imageEvents, { name: 'image-events', dependencies: ['server-secret', 'redis'] })
