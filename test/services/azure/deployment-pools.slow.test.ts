import { describe, type TestContext, test } from 'node:test'
import { readDeployments } from '../../../services/azure/deployment-list.ts'
import {
  callContext,
  clientOf,
  deploymentOf,
  failureOf,
  fakeAzure,
  fileOf,
  imageResult,
  responding,
} from '../../support/fake-azure.ts'
import { callTool, startService } from '../../support/service.ts'
import { key, startSimulator } from '../../support/simulator.ts'

describe('pools in AZURE_DEPLOYMENTS_FILE', () => {
  const east = { name: 'east', model: 'gpt-image-2', base_url: 'https://east.example', key: 'k', pool: 'fine' }
  const west = { ...east, name: 'west', base_url: 'https://west.example' }
  const read = async (t: TestContext, ...deployments: object[]) =>
    readDeployments({ AZURE_DEPLOYMENTS_FILE: await fileOf(t, { deployments }) })

  test('entries of one model may be a pool', async (t: TestContext) => {
    const { deployments, problems, warnings } = await read(t, east, west)
    t.assert.deepEqual(
      deployments.map(({ name, pool }) => [name, pool]),
      [
        ['east', 'fine'],
        ['west', 'fine'],
      ],
    )
    t.assert.deepEqual([problems, warnings], [[], []])
  })

  test('different models in a pool are a problem that names them', async (t: TestContext) => {
    const { problems } = await read(t, east, { ...west, model: 'FLUX.2-pro' })
    t.assert.deepEqual(
      problems.map(({ problem }) => problem),
      ['the pool "fine" has different models: "east" is gpt-image-2, "west" is FLUX.2-pro'],
    )
  })

  test('a pool of one is a warning that names the nearest pool', async (t: TestContext) => {
    const { warnings } = await read(t, east, west, {
      ...east,
      name: 'north',
      base_url: 'https://n.example',
      pool: 'fien',
    })
    t.assert.deepEqual(warnings, ['the pool "fien" has only the deployment "north"; did you mean "fine"?'])
  })

  test('the same deployment twice in a pool is a warning: it has one quota', async (t: TestContext) => {
    const { warnings } = await read(t, { ...east, deployment: 'd' }, { ...east, name: 'west', deployment: 'D' })
    t.assert.deepEqual(warnings, ['"east" and "west" of the pool "fine" are one deployment, with one quota'])
  })

  test('a pool has a name like a deployment', async (t: TestContext) => {
    const { problems } = await read(t, { ...east, pool: 'a b' })
    t.assert.match(problems[0]?.problem ?? '', /east: pool/)
  })
})

describe('calls of a pool', () => {
  const pooled = (url: string, name: string, changes = {}) =>
    deploymentOf(url, 'gpt-image-2', { name, pool: 'fine', requestsPerMinute: 60, ...changes })

  test('the one that can start soonest serves, the named one first', async (t: TestContext) => {
    const azures = [await fakeAzure(t, responding(200, imageResult)), await fakeAzure(t, responding(200, imageResult))]
    const images = clientOf(t, [pooled(azures[0]?.url ?? '', 'east'), pooled(azures[1]?.url ?? '', 'west')])
    const producers: string[] = []
    for (const deployment of ['west', 'west', 'west', 'east']) {
      const context = callContext({ deadlineAt: performance.now() + 60_000 })
      const result = await images.generate({ prompt: 'A boat', deployment }, context)
      t.assert.equal(result.isFallback, false)
      producers.push(result.producedBy.deployment)
    }
    t.assert.deepEqual(producers, ['west', 'east', 'west', 'east'])
  })

  test('twice the quota takes half the time', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult, { 'x-ratelimit-limit-requests': '60' }))
    const minute = { minuteMs: 30_000 }
    const images = clientOf(t, [pooled(azure.url, 'east', minute), pooled(azure.url, 'west', minute)])
    const context = () => callContext({ deadlineAt: performance.now() + 60_000 })
    const startedAt = performance.now()
    await Promise.all(Array.from({ length: 20 }, () => images.generate({ prompt: 'A boat' }, context())))
    const spentMs = performance.now() - startedAt
    // 18 of 20 wait; one deployment alone would take 9 s.
    t.assert.ok(spentMs >= 4_500 && spentMs < 8_900, `${spentMs} ms`)
  })

  test('a blocked or paused one is passed over, and nothing else is a fallback', async (t: TestContext) => {
    const blocked = { error: { code: 'Forbidden', message: 'Your resource has been temporarily blocked' } }
    const limited = { error: { code: '429', message: 'Rate limit is exceeded' } }
    for (const [status, body, headers] of [
      [403, blocked, {}],
      [429, limited, { 'retry-after': '60' }],
    ] as const) {
      const first = await fakeAzure(t, responding(status, body, headers))
      const second = await fakeAzure(t, responding(200, imageResult))
      const many = { requestsPerMinute: 60_000 }
      const images = clientOf(t, [pooled(first.url, 'east', many), pooled(second.url, 'west', many)])
      for (const _each of [1, 2, 3]) {
        const result = await images.generate({ prompt: 'A boat', deployment: 'east' }, callContext())
        t.assert.deepEqual([result.producedBy.deployment, result.isFallback], ['west', false])
      }
      t.assert.equal(first.seen.length, 1)
    }
  })

  test('a fallback serves only when no deployment of the pool is open', async (t: TestContext) => {
    const limited = responding(429, { error: { code: '429' } }, { 'retry-after': '60' })
    const [first, second] = [await fakeAzure(t, limited), await fakeAzure(t, limited)]
    const spare = await fakeAzure(t, responding(200, imageResult))
    const images = clientOf(t, [
      pooled(first.url, 'east', { fallbacks: ['spare'] }),
      pooled(second.url, 'west'),
      deploymentOf(spare.url, 'gpt-image-1.5', { name: 'spare' }),
    ])
    const result = await images.generate({ prompt: 'A boat' }, callContext())
    t.assert.deepEqual([result.producedBy.deployment, result.isFallback], ['spare', true])
    t.assert.deepEqual([first.seen.length, second.seen.length], [1, 1])
  })

  test('deployments without a pool do not serve for each other', async (t: TestContext) => {
    const first = await fakeAzure(t, responding(403, { error: { code: 'Forbidden', message: 'temporarily blocked' } }))
    const second = await fakeAzure(t, responding(200, imageResult))
    const images = clientOf(t, [
      deploymentOf(first.url, 'gpt-image-2', { name: 'a' }),
      deploymentOf(second.url, 'gpt-image-2', { name: 'b' }),
    ])
    t.assert.equal(
      (await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))).code,
      'IMG_ERR_AZURE_ACCOUNT_BLOCKED',
    )
    t.assert.equal(second.seen.length, 0)
  })

  test('the result names the deployment, and does not say that another was not available', async (t: TestContext) => {
    const { url } = await startSimulator(t, { deployments: { one: 'gpt-image-2', two: 'gpt-image-2' } })
    const entry = { base_url: url, key, model: 'gpt-image-2', pool: 'fine', rpm: 1 }
    const path = await fileOf(t, {
      deployments: [
        { name: 'one', ...entry },
        { name: 'two', ...entry },
      ],
    })
    const service = await startService(t, { AZURE_DEPLOYMENTS_FILE: path })
    const generate = () =>
      callTool(service.url, 'generate_image', { prompt: 'A boat', model: 'one', size: '1024x1024' })
    t.assert.doesNotMatch((await generate()).text, /Generated by/)
    const { text } = await generate()
    t.assert.match(text, /^Generated by two \(gpt-image-2\)\.$/m)
  })
})
