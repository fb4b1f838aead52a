import type { FastifyInstance, FastifyReply } from 'fastify'
import { Rejection } from '../../services/errors/rejection.ts'

/** Fastify adds it to every route with GET. */
const IMPLIED = ['HEAD']

/** Rejects every method that a path does not serve, before a body, its type or a credential is read. */
export function rejectMethods(
  fastify: FastifyInstance,
  url: string,
  served: readonly string[],
  { allow, sentence }: { allow: string; sentence: string },
): void {
  async function rejectMethod(_request: unknown, reply: FastifyReply): Promise<never> {
    reply.header('allow', allow)
    throw new Rejection(405, sentence)
  }
  const method = fastify.supportedMethods.filter((name) => !served.includes(name) && !IMPLIED.includes(name))
  fastify.route({ method, url, config: { cors: { origin: true } }, onRequest: rejectMethod, handler: rejectMethod })
}
