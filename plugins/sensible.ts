import sensible from '@fastify/sensible'
import fp from 'fastify-plugin'

/** @see https://github.com/fastify/fastify-sensible */
export default fp(
  async (fastify) => {
    await fastify.register(sensible)
  },
  { name: 'sensible' },
)
