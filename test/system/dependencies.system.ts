import { type TestContext, test } from 'node:test'
import { AZURITE_KEY, startAzurite } from '../support/azurite.ts'
import { startService } from '../support/service.ts'
import { startNeighbours } from '../support/system/replicas.ts'
import { waitFor } from '../support/wait-for.ts'

test('metrics say which of Redis, Postgres and Blob is lost, and that it is back', async (t: TestContext) => {
  await using neighbours = await startNeighbours()
  const azurite = await startAzurite()
  await using stack = new AsyncDisposableStack()
  stack.use(azurite)
  const { url } = await startService(t, {
    ...(await neighbours.environment()),
    AZURE_STORAGE_URL: await azurite.createContainer('images'),
    AZURE_STORAGE_KEY: AZURITE_KEY,
  })
  const states = async () => {
    const text = await (await fetch(`${url}/metrics`)).text()
    const lines = [...text.matchAll(/^image_mcp_dependency_up\{dependency="(\w+)"\} (\d)$/gm)]
    return lines
      .map(([, name, up]) => `${name} ${up}`)
      .sort()
      .join()
  }
  const become = (expected: string) => waitFor(expected, async () => (await states()) === expected)
  await become('postgres 1,redis 1,storage 1')
  await neighbours.redis.crash()
  await become('postgres 1,redis 0,storage 1')
  await neighbours.postgres.crash()
  await become('postgres 0,redis 0,storage 1')
  process.kill(azurite.pid, 'SIGKILL')
  await become('postgres 0,redis 0,storage 0')
  await neighbours.redis.start()
  await neighbours.postgres.start()
  await become('postgres 1,redis 1,storage 0')
})
