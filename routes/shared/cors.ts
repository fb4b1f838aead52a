import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Overrides the options of @fastify/cors for one route. */
    cors?: FastifyCorsOptions
  }
}

/** Web pages that the origin guard accepts may read every response of a route. */
export const readableByPages: FastifyCorsOptions = {
  origin: true,
  exposedHeaders: ['Mcp-Session-Id', 'X-Request-Id', 'Retry-After', 'WWW-Authenticate'],
  // Chromium's maximum, in seconds.
  maxAge: 7200,
}

/** Adds the hook for this plugin's routes only: @fastify/cors also adds an OPTIONS route for every path, which may exist once. */
export async function addCors(fastify: FastifyInstance, methods: string): Promise<void> {
  const hookOnly: FastifyInstance = Object.create(fastify, { options: { value: () => hookOnly } })
  await new Promise<void>((resolve, reject) => {
    cors(hookOnly, { origin: false, methods, strictPreflight: false }, (error) =>
      error === undefined ? resolve() : reject(error),
    )
  })
}
