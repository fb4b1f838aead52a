import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createQuestions, type Questions } from '../services/mcp/questions.ts'
import { createSessions, type Sessions } from '../services/mcp/sessions.ts'

declare module 'fastify' {
  interface FastifyInstance {
    questions: Questions
    sessions: Sessions
  }
}

const CHANNEL = 'responses'

/** Decorates `questions`, whose responses may arrive at any replica, and `sessions`, which tell who can be asked. */
async function questions(fastify: FastifyInstance): Promise<void> {
  const { redis, serverSecret } = fastify
  const relay = redis && {
    publish: (message: string) => redis.publish(CHANNEL, message),
    subscribe: (listener: (message: string) => void) => redis.subscribe(CHANNEL, listener),
  }
  fastify.decorate('questions', createQuestions({ key: serverSecret.keyFor('questions'), relay }))
  fastify.decorate('sessions', createSessions({ key: serverSecret.keyFor('sessions') }))
}

export default fp(questions, { name: 'questions', dependencies: ['redis', 'server-secret'] })
