import { describe, type TestContext, test } from 'node:test'
import { createDeployment, type DeploymentOptions } from '../../../services/azure/deployment.ts'
import { shouldStream } from '../../../services/azure/streaming.ts'
import { deploymentOf } from '../../support/fake-azure.ts'

/** The requests of a deployment in the order of its routes: path and version. */
function addresses(model: string, changes: Partial<DeploymentOptions>): string[] {
  const deployment = createDeployment(deploymentOf('https://r.example', model, changes))
  return deployment.routes().map((route) => {
    const { url } = route.generate({ prompt: 'p' }, deployment.target(route), false)
    return `${url.pathname.split('/').slice(1, 3).join('/')} ${url.searchParams.get('api-version')}`
  })
}

const kontext = 'FLUX.1-Kontext-pro'
const guide = '2025-04-01-preview'

describe('the API version', () => {
  const cases: readonly [string, string, Partial<DeploymentOptions>, string[]][] = [
    [
      'none: the provider route first',
      kontext,
      {},
      ['providers/blackforestlabs preview', `openai/deployments ${guide}`],
    ],
    [
      "the guide's: the deployment route first, and only it has the version",
      kontext,
      { apiVersion: '2026-01-01' },
      ['openai/deployments 2026-01-01', 'providers/blackforestlabs preview'],
    ],
    [
      'with a date in a file: as the one of the variable',
      kontext,
      { anyApiVersion: '2026-01-01' },
      ['openai/deployments 2026-01-01', 'providers/blackforestlabs preview'],
    ],
    [
      'of a file before the one of the variable',
      kontext,
      { apiVersion: guide, anyApiVersion: '2026-02-02' },
      ['openai/deployments 2026-02-02', 'providers/blackforestlabs preview'],
    ],
    [
      'without a date in a file: every route has it',
      kontext,
      { anyApiVersion: 'next' },
      ['providers/blackforestlabs next', 'openai/deployments next'],
    ],
    [
      'of a file on the one route that was chosen',
      kontext,
      { dialect: 'bfl', anyApiVersion: '2026-01-01' },
      ['providers/blackforestlabs 2026-01-01'],
    ],
    [
      'of the variable does not reach the provider route',
      'FLUX.2-pro',
      { apiVersion: guide },
      ['providers/blackforestlabs preview'],
    ],
    ['of the v1 route', 'gpt-image-2', { dialect: 'v1', apiVersion: guide }, ['openai/v1 preview']],
    ['of the MAI route: none', 'MAI-Image-2.6', { apiVersion: guide }, ['mai/v1 null']],
    ['of the MAI route in a file', 'MAI-Image-2.6', { anyApiVersion: 'preview' }, ['mai/v1 preview']],
  ]
  for (const [name, model, changes, expected] of cases) {
    test(name, (t: TestContext) => {
      t.assert.deepEqual(addresses(model, changes), expected)
    })
  }
})

test('auto streams one slow image only: high quality or better, or more than 1.5 megapixels', (t: TestContext) => {
  const { model } = deploymentOf('https://r.example', 'gpt-image-2')
  const streams = (request: object) => shouldStream('auto', model, { prompt: 'p', ...request })
  t.assert.deepEqual(
    [
      { quality: 'high' },
      { quality: 'xhigh' },
      { quality: 'max', n: 1 },
      { size: { width: 1600, height: 1024 } },
      { quality: 'low', size: { width: 2048, height: 2048 } },
    ].map(streams),
    [true, true, true, true, true],
  )
  t.assert.deepEqual(
    [
      {},
      { quality: 'medium' },
      { quality: 'high', n: 2 },
      { size: { width: 1500, height: 1000 } },
      { size: { width: 3840, height: 2160 }, n: 3 },
    ].map(streams),
    [false, false, false, false, false],
  )
})
