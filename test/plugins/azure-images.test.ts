import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { callContext, fakeAzure, fileOf, imageResult, responding } from '../support/fake-azure.ts'

describe('azure-images', () => {
  test('decorates the app with a client for the configured deployment, and counts its requests', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const { app } = await buildApp(t, { AZURE_BASE_URL: azure.url, AZURE_API_KEY: 'k1' })
    await app.azureImages.generate({ prompt: 'A boat' }, callContext())
    t.assert.equal(azure.seen[0]?.headers['api-key'], 'k1')
    const series = await app.metrics.registry.metrics()
    const counted = series.match(/^image_mcp_azure_requests_total.* (?!0$).*/gm)
    t.assert.deepEqual(counted, [
      'image_mcp_azure_requests_total{deployment="FLUX.1-Kontext-pro",operation="generate",code="ok"} 1',
    ])
    t.assert.match(series, /image_mcp_azure_requests_in_flight 0/)
    t.assert.match(
      series,
      /image_mcp_azure_request_duration_seconds_count\{deployment="FLUX.1-Kontext-pro",operation="generate"\} 1/,
    )
  })

  test('reports the model of each deployment at startup and in /ready, with a warning if it was guessed', async (t: TestContext) => {
    const file = await fileOf(t, {
      deployments: [
        { name: 'fine', deployment: 'gpt-image-2-1', priority: 1 },
        { name: 'FLUX.2-pro' },
        { name: 'ours' },
      ],
    })
    const { app, logs } = await buildApp(t, { AZURE_DEPLOYMENTS_FILE: file })
    t.assert.deepEqual((await app.inject('/ready')).json().deployments, {
      fine: 'gpt-image-2 (the name begins with it)',
      'FLUX.2-pro': 'FLUX.2-pro',
      ours: 'FLUX.1-Kontext-pro (the default: the name is not recognized)',
    })
    const lines = logs.entries.filter(({ msg }) => msg === 'deployment')
    t.assert.deepEqual(
      lines.map(({ deployment, model, recognition }) => [deployment, model, recognition]),
      [
        ['fine', 'gpt-image-2', 'begins'],
        ['FLUX.2-pro', 'FLUX.2-pro', 'exact'],
        ['ours', 'FLUX.1-Kontext-pro', 'default'],
      ],
    )
    const warnings = logs.entries.filter(({ level, msg }) => level === 40 && String(msg).includes('treated as'))
    t.assert.equal(warnings.length, 2)
  })

  test('counts images of unknown cost, and adds nothing to the cost', async (t: TestContext) => {
    const usage = { input_tokens: 10, input_tokens_details: null, output_tokens: 1_000_000 }
    const azure = await fakeAzure(t, responding(200, { ...imageResult, usage }))
    const file = await fileOf(t, {
      deployments: [
        { name: 'known', model: 'gpt-image-2' },
        { name: 'unknown', model: 'MAI-Image-2.7-Flash' },
      ],
    })
    const { app } = await buildApp(t, { AZURE_BASE_URL: azure.url, AZURE_API_KEY: 'k1', AZURE_DEPLOYMENTS_FILE: file })
    for (const deployment of ['known', 'unknown', 'unknown']) {
      const { costUsd } = await app.azureImages.generate({ prompt: 'A boat', deployment }, callContext())
      t.assert.equal(costUsd, deployment === 'known' ? 30.00005 : undefined)
    }
    const series = await app.metrics.registry.metrics()
    t.assert.deepEqual(series.match(/^image_mcp_azure_(unpriced_images|cost_usd)_total.*/gm), [
      'image_mcp_azure_cost_usd_total{deployment="known",model="gpt-image-2"} 30.00005',
      'image_mcp_azure_cost_usd_total{deployment="unknown",model="MAI-Image-2.7-Flash"} 0',
      'image_mcp_azure_unpriced_images_total{deployment="known",model="gpt-image-2"} 0',
      'image_mcp_azure_unpriced_images_total{deployment="unknown",model="MAI-Image-2.7-Flash"} 2',
    ])
  })

  test('reports the days until each deployment is retired at startup, in /ready and as a metric', async (t: TestContext) => {
    const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10)
    const days = { past: -2, today: 0, soon: 30, later: 80, far: 300 }
    const rows = Object.entries(days).map(([id, ahead]) => ({ id, like: 'gpt-image-2', retires: day(ahead) }))
    const models = [...rows, { id: 'open', like: 'gpt-image-2', retires: null }]
    const deployments = models.map(({ id }) => ({ name: `my-${id}`, model: id }))
    const files = {
      AZURE_MODELS_FILE: await fileOf(t, { models }),
      AZURE_DEPLOYMENTS_FILE: await fileOf(t, { deployments }),
    }
    const { app, logs } = await buildApp(t, files)
    t.assert.deepEqual((await app.inject('/ready')).json().retirement, {
      'my-past': `2 days ago (${day(-2)})`,
      'my-today': `today (${day(0)})`,
      'my-soon': `in 30 days (${day(30)})`,
      'my-later': `in 80 days (${day(80)})`,
      'my-far': `in 300 days (${day(300)})`,
      'my-open': 'no date known',
    })
    const series = await app.metrics.registry.metrics()
    t.assert.deepEqual(
      series.match(/^image_mcp_model_retirement_days.*/gm),
      Object.entries(days).map(([id, ahead]) => `image_mcp_model_retirement_days{deployment="my-${id}"} ${ahead}`),
    )
    const warnings = logs.entries.filter(({ level, msg }) => level === 40 && msg === 'azure retires this model')
    t.assert.deepEqual(
      warnings.map(({ deployment, daysLeft, state }) => [deployment, daysLeft, state]),
      [
        ['my-past', -2, 'retired'],
        ['my-today', 0, 'retired'],
        ['my-soon', 30, 'retiring'],
        ['my-later', 80, 'announced'],
      ],
    )
  })

  test('reports retired and retiring deployments at startup and in /ready', async (t: TestContext) => {
    const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10)
    const models = [
      { id: 'past', like: 'gpt-image-2', retires: day(-1) },
      { id: 'soon', like: 'gpt-image-2', retires: day(30) },
      { id: 'late', like: 'gpt-image-2', retires: day(300) },
    ]
    const modelsFile = await fileOf(t, { models })
    for (const [names, worst] of [
      [['late'], 'current'],
      [['late', 'soon'], 'retiring'],
      [['soon', 'past', 'late'], 'retired'],
    ] as const) {
      const file = await fileOf(t, { deployments: names.map((model) => ({ name: `my-${model}`, model })) })
      const { app, logs } = await buildApp(t, { AZURE_DEPLOYMENTS_FILE: file, AZURE_MODELS_FILE: modelsFile })
      t.assert.equal((await app.inject('/ready')).json().models, worst)
      const lines = logs.entries.filter(({ msg }) => msg === 'azure retires this model')
      t.assert.deepEqual(
        lines.map(({ deployment, model, state }) => [deployment, model, state]),
        [
          ['my-soon', 'soon', 'retiring'],
          ['my-past', 'past', 'retired'],
        ].filter(([, model]) => names.some((name) => name === model)),
      )
      t.assert.ok(lines.every(({ retires }) => retires !== undefined))
    }
  })
})
