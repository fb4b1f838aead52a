import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Reports what the service is configured to use beside Azure's models, and whether it responds. */
async function dependencies(fastify: FastifyInstance): Promise<void> {
  const { config, imageStore, metrics, redis, stateDatabase } = fastify
  const { databaseUrl, storage } = config.library
  if (redis !== undefined) metrics.addDependency('redis', redis.isResponding)
  if (databaseUrl !== undefined && stateDatabase !== undefined) {
    metrics.addDependency('postgres', async () => (await stateDatabase.run('SELECT 1 AS up')).length === 1)
  }
  if (storage !== undefined) metrics.addDependency('storage', async () => (await imageStore.health()).isWritable)
}

export default fp(dependencies, {
  name: 'dependencies',
  dependencies: ['config', 'library', 'metrics', 'redis', 'state'],
})
