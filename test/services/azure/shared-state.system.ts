import { type TestContext, test } from 'node:test'
import { shareDeployment } from '../../../services/azure/shared-deployment.ts'
import type { ImagesClient } from '../../../services/azure/types.ts'
import { listen } from '../../support/app.ts'
import {
  afterBody,
  callContext,
  clientOf,
  deploymentOf,
  failureOf,
  fakeAzure,
  imageResult,
  responding,
} from '../../support/fake-azure.ts'
import { listTools } from '../../support/listed-tools.ts'
import { connectTo, type RedisServer, startRedis } from '../../support/redis.ts'
import { callTool } from '../../support/service.ts'
import { key, startSimulator } from '../../support/simulator.ts'
import { waitFor } from '../../support/wait-for.ts'

const flux = 'FLUX.1-Kontext-pro'
const blocked = { error: { code: 'Forbidden', message: 'Your resource has been temporarily blocked' } }

async function replica(t: TestContext, server: RedisServer, url: string, changes: { blockMs?: number } = {}) {
  const redis = await connectTo(t, server)
  const deployment = deploymentOf(url, 'gpt-image-2', { requestsPerMinute: 6_000, ...changes })
  return clientOf(t, [{ ...deployment, shared: shareDeployment(redis, deployment) }])
}

const generate = (images: ImagesClient) => images.generate({ prompt: 'A boat' }, callContext())

/** An Azure whose account is blocked until `open` is called. */
async function blockedAzure(t: TestContext) {
  let isBlocked = true
  const azure = await fakeAzure(
    t,
    afterBody((response) =>
      response.writeHead(isBlocked ? 403 : 200).end(JSON.stringify(isBlocked ? blocked : imageResult)),
    ),
  )
  return { ...azure, open: () => (isBlocked = false) }
}

/** Waits until Redis knows of a block. */
async function blockInRedis(t: TestContext, server: RedisServer): Promise<void> {
  const { client } = await connectTo(t, server)
  await waitFor('the block', async () => {
    const [key] = await client.keys('azure-image-editor:azure:*:state')
    return key !== undefined && (await client.hget(key, 'blocked')) !== null
  })
}

test('a block that one replica meets holds back all, and one that starts later', async (t: TestContext) => {
  const [server, azure] = [await startRedis(t), await blockedAzure(t)]
  const [one, two] = [await replica(t, server, azure.url), await replica(t, server, azure.url)]
  t.assert.equal((await failureOf(t, generate(one))).code, 'IMG_ERR_AZURE_ACCOUNT_BLOCKED')
  await blockInRedis(t, server)
  t.assert.equal((await failureOf(t, generate(two))).code, 'IMG_ERR_AZURE_ACCOUNT_BLOCKED')
  const three = await replica(t, server, azure.url)
  const failure = await failureOf(t, generate(three))
  t.assert.equal(failure.code, 'IMG_ERR_AZURE_ACCOUNT_BLOCKED')
  t.assert.ok(failure.retryAfterMs !== undefined && failure.retryAfterMs > 50_000)
  t.assert.equal(azure.seen.length, 1)
  t.assert.deepEqual(
    [one, two, three].map((client) => client.status()[0]?.isBlocked),
    [true, true, true],
  )
})

test('when a block is over, one replica probes, and its success opens all', async (t: TestContext) => {
  const [server, azure] = [await startRedis(t), await blockedAzure(t)]
  const all = await Promise.all([1, 2, 3].map(() => replica(t, server, azure.url, { blockMs: 4_000 })))
  for (const client of all) {
    await failureOf(t, generate(client))
    await blockInRedis(t, server)
  }
  t.assert.equal(azure.seen.length, 1)
  const isOver = () => all.every((client) => client.status()[0]?.isBlocked === false)
  await waitFor('the end of the block', isOver)
  // By Redis' clock it may last a little longer.
  await waitFor('a probe', async () => {
    await Promise.allSettled(all.flatMap((client) => [generate(client), generate(client)]))
    return azure.seen.length > 1
  })
  t.assert.equal(azure.seen.length, 2)
  azure.open()
  await waitFor('the end of the second block', isOver)
  await waitFor('a probe to succeed', async () => {
    await generate(all[0] ?? t.assert.fail())
    return true
  })
  await waitFor('the others to know', async () => (await Promise.all(all.map(generate))).length === 3)
})

test('a block survives a restart of Redis, because the replicas know it', async (t: TestContext) => {
  const [server, azure] = [await startRedis(t), await blockedAzure(t)]
  const one = await replica(t, server, azure.url)
  await failureOf(t, generate(one))
  server.child.kill('SIGKILL')
  await waitFor('the loss', async () => (await failureOf(t, generate(one))) !== undefined)
  await startRedis(t, { port: server.port })
  await blockInRedis(t, server)
  const two = await replica(t, server, azure.url)
  t.assert.equal((await failureOf(t, generate(two))).code, 'IMG_ERR_AZURE_ACCOUNT_BLOCKED')
  t.assert.equal(azure.seen.length, 1)
})

test('a route that one replica has proven is taken by others, and their tools follow', async (t: TestContext) => {
  const server = await startRedis(t)
  const { url: azure, simulator } = await startSimulator(t, {
    deployments: { [flux]: { model: flux, dialects: ['deployments'] } },
  })
  const environment = {
    ...{ AZURE_BASE_URL: azure, AZURE_API_KEY: key, AZURE_DEPLOYMENT_NAME: flux },
    ...{ REDIS_URL: server.url, SERVER_SECRET: 's'.repeat(32) },
  }
  const [one, two] = [await listen(t, environment), await listen(t, environment)]
  const unproven = JSON.stringify(await listTools(two.url))
  t.assert.equal((await callTool(one.url, 'generate_image', { prompt: 'A boat' })).isError, false)
  t.assert.equal(simulator.requests.length, 2)
  const proven = JSON.stringify(await listTools(one.url))
  t.assert.notEqual(proven, unproven)
  await waitFor('the tools of the other replica', async () => JSON.stringify(await listTools(two.url)) === proven)
  t.assert.equal((await callTool(two.url, 'generate_image', { prompt: 'A boat' })).isError, false)
  t.assert.equal(simulator.requests.length, 3)
})

test('a route that no longer works is replaced by the other one, also after another replica had proven it', async (t: TestContext) => {
  const server = await startRedis(t)
  let right = /^\/providers\//
  const azure = await fakeAzure(t, (request, response, seen) => {
    const isRight = right.test(request.url ?? '')
    const body = isRight ? imageResult : { error: { code: 'DeploymentNotFound' } }
    responding(isRight ? 200 : 404, body)(request, response, seen)
  })
  const start = async () => {
    const deployment = deploymentOf(azure.url, flux)
    return clientOf(t, [{ ...deployment, shared: shareDeployment(await connectTo(t, server), deployment) }])
  }
  await generate(await start())
  right = /^\/openai\//
  await generate(await start())
  const sent = azure.seen.length
  await generate(await start())
  t.assert.equal(azure.seen.length, sent + 1)
})
