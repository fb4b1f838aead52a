import type { FastifyInstance, FastifyReply } from 'fastify'
import { invalidRequest } from '../../services/mcp/protocol-error.ts'

/** Of every route with GET. */
const IMPLIED = ['HEAD']

/** Rejects every method but those that a path serves, before anything is read: a body, its type, a credential. */
export function rejectMethods(fastify: FastifyInstance, url: string, served: readonly string[], allow: string): void {
  async function rejectMethod(_request: unknown, reply: FastifyReply): Promise<never> {
    reply.header('allow', allow)
    throw invalidRequest('Send JSON-RPC with POST: there are no sessions and no streams of their own here.', 405)
  }
  const method = fastify.supportedMethods.filter((name) => !served.includes(name) && !IMPLIED.includes(name))
  fastify.route({ method, url, config: { cors: { origin: true } }, onRequest: rejectMethod, handler: rejectMethod })
}
