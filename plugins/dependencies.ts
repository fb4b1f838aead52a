import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Reports what the service is configured to use beside Azure's models, and whether it responds. */
async function dependencies(fastify: FastifyInstance): Promise<void> {
  const { config, imageStore, metrics, readiness, redis, stateDatabase } = fastify
  const { databaseUrl, storage } = config.library
  if (redis !== undefined) metrics.addDependency('redis', redis.isResponding)
  if (databaseUrl !== undefined && stateDatabase !== undefined) {
    const isUp = metrics.addDependency('postgres', async () => (await stateDatabase.run('SELECT 1 AS up')).length === 1)
    readiness.add('postgres', async () =>
      (await isUp())
        ? { ready: true, state: 'connected' }
        : { ready: true, state: 'unreachable', faults: ['IMG_ERR_DATABASE_UNREACHABLE'] },
    )
  }
  if (storage !== undefined) metrics.addDependency('storage', async () => (await imageStore.health()).isWritable)
}

export default fp(dependencies, {
  name: 'dependencies',
  dependencies: ['config', 'library', 'metrics', 'readiness', 'redis', 'state'],
})
