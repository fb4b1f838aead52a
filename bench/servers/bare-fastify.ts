import Fastify from 'fastify'

/** The floor for small responses: Fastify with nothing added, and a constant body. */

const response = process.env.RESPONSE ?? '{}'
const fastify = Fastify()

fastify.get('/health', async (_request, reply) => reply.type('application/json').send('{"status":"ok"}'))
fastify.post('/', async (_request, reply) => reply.type('application/json; charset=utf-8').send(response))
await fastify.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
